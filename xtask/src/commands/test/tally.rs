//! Counting tests: who failed, who was slow, how many there were.

use std::fmt;
use std::time::Duration;

const SLOWEST: usize = 10;

/// The results so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    cases: Vec<Case>,
}

/// One check, one test, or one run of a unit test program with many tests.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) time: Duration,
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// What went wrong, for a failed one.
    pub(crate) detail: String,
}

impl Case {
    /// A case that counts as one test.
    pub(crate) fn single(name: impl Into<String>, time: Duration, failure: Option<String>) -> Self {
        let failed = usize::from(failure.is_some());
        Self {
            name: name.into(),
            time,
            passed: 1 - failed,
            failed,
            detail: failure.unwrap_or_default(),
        }
    }
}

impl Tally {
    /// Counts a case.
    pub(crate) fn add(&mut self, case: Case) {
        self.cases.push(case);
    }

    /// How many tests failed.
    pub(crate) fn failed(&self) -> usize {
        self.cases.iter().map(|case| case.failed).sum()
    }

    fn passed(&self) -> usize {
        self.cases.iter().map(|case| case.passed).sum()
    }
}

/// What failed and why, the ten slowest, and one line of totals.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in self.cases.iter().filter(|case| case.failed > 0) {
            writeln!(f, "FAILED {}\n{}\n", case.name, case.detail.trim_end())?;
        }
        let mut slowest: Vec<&Case> = self.cases.iter().collect();
        slowest.sort_by_key(|case| std::cmp::Reverse(case.time));
        writeln!(f, "slowest:")?;
        for case in slowest.iter().take(SLOWEST) {
            writeln!(f, "{:>7.1} s  {}", case.time.as_secs_f64(), case.name)?;
        }
        writeln!(f, "\n{} passed, {} failed", self.passed(), self.failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_the_last_line() {
        let mut tally = Tally::default();
        for seconds in 1..=12 {
            tally.add(Case::single(
                format!("test {seconds}"),
                Duration::from_secs(seconds),
                None,
            ));
        }
        tally.add(Case::single("bad", Duration::ZERO, Some("why".to_owned())));
        let text = tally.to_string();
        assert_eq!(text.lines().last(), Some("12 passed, 1 failed"));
        assert!(text.contains("FAILED bad\nwhy"), "{text}");
        assert!(
            text.contains("12.0 s  test 12") && !text.contains("test 2\n"),
            "{text}"
        );
    }
}
