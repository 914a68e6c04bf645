//! Running guest tests, one boot after the other.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::commands::setup::Images;
use crate::commands::test::batch::{Batch, Entry};
use crate::commands::test::result::{Line, TestResult};
use crate::commands::test::suite::{self, Suite};
use crate::commands::test::tally::{Case, Tally};
use crate::commands::{build, vm};
use crate::guest::job::Job;
use crate::guest::machine::Machine;
use crate::guest::run::{Outcome, Report};
use crate::guest::stage;
use crate::host::progress::Step;
use crate::host::workspace;

/// Boot, modules and the runner's own work, with room for a busy host.
const SLACK: Duration = Duration::from_secs(90);

/// Builds, lists and runs the tests of `suites`.
pub(crate) fn run(
    images: &Images,
    suites: &[Suite],
    filter: Option<&str>,
    soak: bool,
    tally: &mut Tally,
) -> Result<()> {
    build::plugin_and_demo(&images.sysroot)?;
    let targets = build::guest_tests(&images.sysroot)?;
    let incomplete = suite::check_complete(&Suite::load()?, &targets).err();
    let failure = incomplete.map(|error| error.to_string());
    tally.add(Case::single(
        "every guest test has a suite",
        Duration::ZERO,
        failure,
    ));
    let is_due = |suite: &&Suite| soak || filter.is_some() || !suite.soak_only;
    let suites: Vec<Suite> = suites.iter().filter(is_due).cloned().collect();
    let batches = Batch::plan(&suites, &targets, filter)?;
    if batches.is_empty() {
        bail!(
            "no guest test has `{}` in its name",
            filter.unwrap_or_default()
        );
    }
    let mut environment = stage::environment(&images.sysroot)?;
    if soak {
        environment.push(("DMAHEAP_SOAK".to_owned(), "1".to_owned()));
    }
    for batch in batches {
        let machine = Machine::load(&batch.machine)?;
        let mut remaining = VecDeque::from(batch.entries);
        while !remaining.is_empty() {
            boot(images, &machine, &environment, &mut remaining, tally)?;
        }
    }
    Ok(())
}

/// Boots once and counts every test that has a result. When the machine dies, the test that killed it has failed, and those behind it
/// stay in `remaining` for the next boot.
fn boot(
    images: &Images,
    machine: &Machine,
    environment: &[(String, String)],
    remaining: &mut VecDeque<Entry>,
    tally: &mut Tally,
) -> Result<()> {
    let manifest = workspace::vm().join("manifest.json");
    let text = serde_json::to_string(remaining).context("cannot write down the list of tests")?;
    fs::write(&manifest, text).with_context(|| format!("cannot write {}", manifest.display()))?;
    let budgets = remaining.iter().map(|entry| entry.budget_seconds);
    let job = Job {
        machine,
        modules: true,
        arguments: vec!["guest-runner".into(), manifest.into()],
        environment: environment.to_vec(),
        directory: workspace::root().to_owned(),
        timeout: SLACK + Duration::from_secs(budgets.clone().sum()),
        silence: Some(SLACK + Duration::from_secs(budgets.max().unwrap_or_default())),
    };
    let mut listener = Listener::new(&machine.name);
    let report = images.guest().run(&job, |bytes| listener.hear(bytes))?;
    let Listener {
        results,
        started,
        other,
        ..
    } = listener;
    let blamed = results.iter().any(TestResult::blames_kernel);
    for result in results {
        if let Some(index) = remaining.iter().position(|entry| result.is_of(entry)) {
            remaining.remove(index);
            tally.add(result.case());
        }
    }
    let missing = count_missing(&report, started, &other, remaining, tally);
    if !blamed
        && missing == 0
        && let Some(fault) = fault(&report)
    {
        let name = format!("kernel of the machine `{}`", machine.name);
        tally.add(Case::single(name, Duration::ZERO, Some(fault)));
    }
    Ok(())
}

/// What went wrong with the machine itself, which is a failure also when every test has passed.
fn fault(report: &Report) -> Option<String> {
    match &report.outcome {
        Outcome::Exited(_) => report.warning.clone(),
        outcome => Some(vm::explain(outcome)),
    }
}

/// A missing result is a failure: of one test when the machine died under it, of all when no test began or the runner ended by itself.
/// Returns how many were missing.
fn count_missing(
    report: &Report,
    started: bool,
    other: &str,
    remaining: &mut VecDeque<Entry>,
    tally: &mut Tally,
) -> usize {
    let (count, reason) = match &report.outcome {
        Outcome::Exited(status) => (
            remaining.len(),
            format!("no result from the runner, which ended with {status}"),
        ),
        Outcome::Oopsed { trace, .. } => (
            remaining.len(),
            format!("no result from the runner; the kernel oopsed:\n{trace}"),
        ),
        outcome if !started => (remaining.len(), vm::explain(outcome)),
        outcome => (1, vm::explain(outcome)),
    };
    let missing = count.min(remaining.len());
    for entry in remaining.drain(..missing) {
        let reason = format!("{reason}\n{other}");
        tally.add(Case::single(
            entry.full_name(),
            Duration::ZERO,
            Some(reason),
        ));
    }
    missing
}

/// Follows the runner's lines.
struct Listener {
    step: Option<Step>,
    line: Vec<u8>,
    results: Vec<TestResult>,
    /// Whether a test has begun.
    started: bool,
    /// What is no result: the runner's own words.
    other: String,
}

impl Listener {
    fn new(machine: &str) -> Self {
        let step = Some(Step::start(format!("booting the machine `{machine}`")));
        Self {
            step,
            line: Vec::new(),
            results: Vec::new(),
            started: false,
            other: String::new(),
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        if let Some(step) = &mut self.step {
            step.tick();
        }
        for &byte in bytes {
            if byte == b'\n' {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                self.take(&line);
            } else {
                self.line.push(byte);
            }
        }
    }

    fn take(&mut self, line: &str) {
        match Line::parse(line) {
            Line::Starting { name } => {
                self.end_step("");
                self.started = true;
                self.step = Some(Step::start(name));
            }
            Line::Result(result) => {
                self.end_step(result.status());
                self.results.push(result);
            }
            Line::Other => drop(writeln!(self.other, "{line}")),
        }
    }

    fn end_step(&mut self, outcome: &str) {
        if let Some(step) = self.step.take() {
            step.done(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> VecDeque<Entry> {
        let entry = |test: &str| Entry {
            suite: "s".to_owned(),
            target: "t".to_owned(),
            binary: String::new(),
            test: test.to_owned(),
            budget_seconds: 1,
        };
        VecDeque::from([entry("a"), entry("b")])
    }

    /// How many tests have failed, and how many wait for the next boot.
    fn count(outcome: Outcome, started: bool) -> (usize, usize) {
        let (mut remaining, mut tally) = (entries(), Tally::default());
        let warning = None;
        let report = Report { outcome, warning };
        count_missing(&report, started, "", &mut remaining, &mut tally);
        (tally.failed(), remaining.len())
    }

    #[test]
    fn missing_results_are_failures() {
        let trace = String::new();
        let failed_setup = Outcome::SetupFailed("modprobe".to_owned());
        assert_eq!(count(Outcome::Exited(0), true), (2, 0));
        assert_eq!(count(failed_setup, false), (2, 0));
        assert_eq!(
            count(
                Outcome::Panicked {
                    trace: trace.clone()
                },
                true
            ),
            (1, 1)
        );
        assert_eq!(count(Outcome::Panicked { trace }, false), (2, 0));
    }

    #[test]
    fn a_machine_that_fails_after_its_last_test_is_a_failure() {
        let fault = |outcome, warning: Option<&str>| {
            let warning = warning.map(str::to_owned);
            fault(&Report { outcome, warning })
        };
        assert_eq!(fault(Outcome::Exited(1), None), None);
        assert_eq!(
            fault(Outcome::Exited(0), Some("WARNING: x")).unwrap(),
            "WARNING: x"
        );
        let trace = "BUG: y".to_owned();
        assert!(
            fault(Outcome::Oopsed { status: 0, trace }, None)
                .unwrap()
                .contains("BUG: y")
        );
    }

    #[test]
    fn lines_are_put_together_from_pieces() {
        let mut listener = Listener::new("m");
        listener.hear(b"{\"target\":\"t\",\"test\":\"a\",\"stat");
        listener.hear(b"us\":\"passed\",\"milliseconds\":1}\nnoise\n");
        assert!(listener.results[0].is_of(&entries()[0]));
        assert_eq!(listener.other, "noise\n");
    }
}
