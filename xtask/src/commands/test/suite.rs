//! `tests/suites.toml`: which guest tests run on which machine.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::host::workspace;

/// Tests that share a machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) machine: String,
    /// Test targets, or single tests as `target::name`.
    pub(crate) tests: Vec<String>,
    /// Seconds for each test.
    pub(crate) budget_seconds: u64,
    /// Seconds for tests that need another budget, by `target::name`.
    #[serde(default)]
    pub(crate) per_test_budget: BTreeMap<String, u64>,
    /// Whether the suite leaves the machine unfit for others and has one of its own.
    #[serde(default)]
    pub(crate) fresh_boot: bool,
    /// Whether it runs only under `--soak` or when it is asked for: its tests want a host with nothing else to do.
    #[serde(default)]
    pub(crate) soak_only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteFile {
    suite: Vec<Suite>,
}

/// A test target: its program and the tests in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) binary: String,
    pub(crate) tests: Vec<String>,
}

impl Suite {
    /// Reads `tests/suites.toml`.
    pub(crate) fn load() -> Result<Vec<Self>> {
        let path = workspace::root().join("tests/suites.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let file: SuiteFile = toml::from_str(&text)
            .with_context(|| format!("{} does not describe suites", path.display()))?;
        Ok(file.suite)
    }

    /// The tests of this suite: target and name. A selector that matches nothing is an error, never an empty suite.
    pub(crate) fn expand<'a>(&self, targets: &'a [Target]) -> Result<Vec<(&'a Target, String)>> {
        let mut tests = Vec::new();
        for selector in &self.tests {
            let matching = targets
                .iter()
                .flat_map(|target| target.tests.iter().map(move |test| (target, test.clone())));
            let before = tests.len();
            tests.extend(matching.filter(|(target, test)| {
                target.name == *selector || full_name(target, test) == *selector
            }));
            if tests.len() == before {
                bail!(
                    "suite `{}` in tests/suites.toml asks for `{selector}`, and no test is named so",
                    self.name
                );
            }
        }
        Ok(tests)
    }

    /// The time that a test may take, in seconds.
    pub(crate) fn budget(&self, full_name: &str) -> u64 {
        self.per_test_budget
            .get(full_name)
            .copied()
            .unwrap_or(self.budget_seconds)
    }
}

/// A test as people name it, `target::name`.
pub(crate) fn full_name(target: &Target, test: &str) -> String {
    format!("{}::{test}", target.name)
}

/// Fails when a test belongs to no suite: it would never run.
pub(crate) fn check_complete(suites: &[Suite], targets: &[Target]) -> Result<()> {
    let selected = |target: &Target, test: &str| {
        let name = full_name(target, test);
        suites
            .iter()
            .flat_map(|suite| &suite.tests)
            .any(|selector| *selector == target.name || *selector == name)
    };
    let all = targets
        .iter()
        .flat_map(|target| target.tests.iter().map(move |test| (target, test)));
    let lost: Vec<String> = all
        .filter(|(target, test)| !selected(target, test))
        .map(|(target, test)| full_name(target, test))
        .collect();
    if !lost.is_empty() {
        bail!("no suite in tests/suites.toml has {}", lost.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(tests: &[&str]) -> Suite {
        let text = format!(
            "name = \"s\"\nmachine = \"default\"\nbudget_seconds = 5\ntests = {tests:?}\nper_test_budget = {{ \"b::x\" = 9 }}"
        );
        toml::from_str(&text).unwrap()
    }

    fn targets() -> Vec<Target> {
        let target = |name: &str| Target {
            name: name.to_owned(),
            binary: String::new(),
            tests: vec!["x".to_owned(), "y".to_owned()],
        };
        vec![target("a"), target("b")]
    }

    #[test]
    fn selectors_name_targets_or_single_tests() {
        let targets = targets();
        let names = |tests: &[&str]| -> Vec<String> {
            suite(tests)
                .expand(&targets)
                .unwrap()
                .iter()
                .map(|(target, test)| full_name(target, test))
                .collect()
        };
        assert_eq!(names(&["b::y", "a"]), ["b::y", "a::x", "a::y"]);
        assert!(
            suite(&["c"])
                .expand(&targets)
                .unwrap_err()
                .to_string()
                .contains("`c`")
        );
    }

    #[test]
    fn a_test_without_a_suite_is_named() {
        let error = check_complete(&[suite(&["a", "b::x"])], &targets())
            .unwrap_err()
            .to_string();
        assert!(error.contains("b::y") && !error.contains("a::x"), "{error}");
        check_complete(&[suite(&["a"]), suite(&["b"])], &targets()).unwrap();
    }

    #[test]
    fn single_tests_can_have_budgets_of_their_own() {
        let suite = suite(&["a", "b"]);
        assert_eq!((suite.budget("a::x"), suite.budget("b::x")), (5, 9));
    }

    #[test]
    fn the_suites_of_this_repository_are_well_formed() {
        assert!(!Suite::load().unwrap().is_empty());
    }
}
