//! Tests that run in one boot of one machine.

use anyhow::Result;
use serde::Serialize;

use crate::commands::test::suite::{Suite, Target, full_name};

/// One line of the manifest that the runner in the guest reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub(crate) suite: String,
    pub(crate) target: String,
    pub(crate) binary: String,
    pub(crate) test: String,
    pub(crate) budget_seconds: u64,
}

impl Entry {
    /// The test as people name it.
    pub(crate) fn full_name(&self) -> String {
        format!("{}::{}", self.target, self.test)
    }
}

/// The tests of one boot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) machine: String,
    pub(crate) entries: Vec<Entry>,
    closed: bool,
}

impl Batch {
    /// Sorts the tests of all suites into boots: one for each machine, and one for each suite that wants a fresh boot.
    pub(crate) fn plan(
        suites: &[Suite],
        targets: &[Target],
        filter: Option<&str>,
    ) -> Result<Vec<Self>> {
        let mut batches: Vec<Self> = Vec::new();
        for suite in suites {
            let entries = entries(suite, targets, filter)?;
            if entries.is_empty() {
                continue;
            }
            let open = batches
                .iter_mut()
                .find(|batch| !batch.closed && batch.machine == suite.machine);
            match open.filter(|_| !suite.fresh_boot) {
                Some(batch) => batch.entries.extend(entries),
                None => batches.push(Self {
                    machine: suite.machine.clone(),
                    entries,
                    closed: suite.fresh_boot,
                }),
            }
        }
        Ok(batches)
    }
}

fn entries(suite: &Suite, targets: &[Target], filter: Option<&str>) -> Result<Vec<Entry>> {
    let entry = |(target, test): (&Target, String)| {
        let name = full_name(target, &test);
        Entry {
            suite: suite.name.clone(),
            target: target.name.clone(),
            binary: target.binary.clone(),
            budget_seconds: suite.budget(&name),
            test,
        }
    };
    let all = suite.expand(targets)?.into_iter().map(entry);
    Ok(all
        .filter(|entry| filter.is_none_or(|text| entry.full_name().contains(text)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(name: &str, machine: &str, fresh_boot: bool) -> Suite {
        let text = format!(
            "name = \"{name}\"\nmachine = \"{machine}\"\ntests = [\"{name}\"]\nbudget_seconds = 5\nfresh_boot = {fresh_boot}\n"
        );
        toml::from_str(&text).unwrap()
    }

    fn names(batches: &[Batch]) -> Vec<(String, Vec<String>)> {
        batches
            .iter()
            .map(|batch| {
                (
                    batch.machine.clone(),
                    batch.entries.iter().map(Entry::full_name).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn suites_of_a_machine_share_a_boot_unless_they_want_a_fresh_one() {
        let targets = ["a", "b", "c", "d"].map(|name| Target {
            name: name.to_owned(),
            binary: format!("/bin/{name}"),
            tests: vec!["t".to_owned()],
        });
        let suites = [
            suite("a", "m", false),
            suite("b", "n", false),
            suite("c", "m", true),
            suite("d", "m", false),
        ];
        let batches = Batch::plan(&suites, &targets, None).unwrap();
        let expected = [
            ("m", vec!["a::t", "d::t"]),
            ("n", vec!["b::t"]),
            ("m", vec!["c::t"]),
        ];
        let expected = expected.map(|(machine, tests)| {
            (
                machine.to_owned(),
                tests.into_iter().map(str::to_owned).collect::<Vec<_>>(),
            )
        });
        assert_eq!(names(&batches), expected);
        let filtered = Batch::plan(&suites, &targets, Some("b::")).unwrap();
        assert_eq!(
            names(&filtered),
            [("n".to_owned(), vec!["b::t".to_owned()])]
        );
    }
}
