//! The lines of JSON that the runner in the guest prints.

use std::time::Duration;

use serde::Deserialize;

use crate::commands::test::batch::Entry;
use crate::commands::test::tally::Case;

/// One line of the runner.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A test begins.
    Starting { name: String },
    /// A test has ended.
    Result(TestResult),
    /// Anything else, such as the runner's own complaints.
    Other,
}

/// How a test ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct TestResult {
    target: String,
    test: String,
    status: String,
    milliseconds: u64,
    #[serde(default)]
    output: String,
}

#[derive(Deserialize)]
struct Starting {
    starting: String,
    target: String,
}

impl Line {
    /// Reads a line.
    pub(crate) fn parse(line: &str) -> Self {
        if let Ok(result) = serde_json::from_str(line) {
            return Self::Result(result);
        }
        match serde_json::from_str::<Starting>(line) {
            Ok(line) => Self::Starting {
                name: format!("{}::{}", line.target, line.starting),
            },
            Err(_) => Self::Other,
        }
    }
}

impl TestResult {
    /// Whether this is the result of `entry`.
    pub(crate) fn is_of(&self, entry: &Entry) -> bool {
        self.target == entry.target && self.test == entry.test
    }

    /// Its status as one word: "passed", or what went wrong.
    pub(crate) fn status(&self) -> &str {
        &self.status
    }

    /// Whether the test failed because the kernel complained meanwhile.
    pub(crate) fn blames_kernel(&self) -> bool {
        self.status == "kernel-warning"
    }

    /// The result as it is counted.
    pub(crate) fn case(&self) -> Case {
        let failure =
            (self.status != "passed").then(|| format!("{}\n{}", self.status, self.output));
        Case::single(
            format!("{}::{}", self.target, self.test),
            Duration::from_millis(self.milliseconds),
            failure,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_runners_lines() {
        let starting = Line::parse(r#"{"starting":"frames_flow","target":"demo"}"#);
        assert_eq!(
            starting,
            Line::Starting {
                name: "demo::frames_flow".to_owned()
            }
        );
        let line = r#"{"target":"demo","test":"frames_flow","status":"timed-out","milliseconds":1500,"output":"late\n"}"#;
        let Line::Result(result) = Line::parse(line) else {
            panic!("no result")
        };
        let case = result.case();
        assert_eq!(
            (case.passed, case.failed, case.time),
            (0, 1, Duration::from_millis(1500))
        );
        assert!(case.detail.contains("timed-out") && case.detail.contains("late"));
        assert_eq!(Line::parse("thread main panicked"), Line::Other);
    }
}
