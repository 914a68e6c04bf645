//! Reading what `cargo test` prints.

/// What a run of `cargo test` counted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// Tests marked with `#[ignore]`, and examples in documentation that are not run.
    pub(crate) ignored: usize,
}

impl Summary {
    /// Adds the counts of a line such as `test result: ok. 3 passed; 0 failed; …`; other lines count nothing.
    pub(crate) fn add_line(&mut self, line: &str) {
        let Some(counts) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.1.split(';') {
            let mut words = count.split_whitespace();
            let number: usize = words
                .next()
                .and_then(|word| word.parse().ok())
                .unwrap_or_default();
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed") => self.failed += number,
                Some("ignored") => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// The names in the output of `PROGRAM --list --format terse`.
pub(crate) fn listed_tests(output: &str) -> Vec<String> {
    output
        .lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_several_programs_add_up() {
        let mut summary = Summary::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s",
        ] {
            summary.add_line(line);
        }
        assert_eq!(
            summary,
            Summary {
                passed: 4,
                failed: 2,
                ignored: 1
            }
        );
    }

    #[test]
    fn listed_names_lose_their_kind() {
        assert_eq!(
            listed_tests("a::b: test\nbench_x: bench\n\n1 test, 1 benchmark\n"),
            ["a::b"]
        );
    }
}
