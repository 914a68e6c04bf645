//! Building our plugin and programs in the system root.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::commands::cargo;
use crate::commands::test::libtest::listed_tests;
use crate::commands::test::suite::Target;
use crate::host::progress::Step;
use crate::host::{process, workspace};
use crate::image::sysroot::Sysroot;

/// Builds what a guest has on `GST_PLUGIN_PATH` and PATH.
pub(crate) fn plugin_and_demo(sysroot: &Sysroot) -> Result<()> {
    let log = workspace::log("build");
    fs::remove_file(&log).ok();
    let mut step = Step::start("building plugin and demo");
    let mut command = cargo::command(sysroot, &[])?;
    command.args([
        "build",
        "--package",
        "gst-plugin-dmaheap",
        "--package",
        "dmaheap-demo",
    ]);
    process::run(&mut command, &log, &mut step).context("the plugin and the demo do not build")?;
    step.done("");
    Ok(())
}

/// Builds the guest tests, their runner and the example programs that they run, and lists the tests.
pub(crate) fn guest_tests(sysroot: &Sysroot) -> Result<Vec<Target>> {
    let log = workspace::log("build-tests");
    fs::remove_file(&log).ok();
    let mut step = Step::start("building the guest tests");
    let mut command = cargo::command(sysroot, &[])?;
    command.args([
        "test",
        "--no-run",
        "--package",
        "dmaheap-tests",
        "--bins",
        "--tests",
        "--message-format=json-render-diagnostics",
    ]);
    let mut programs = Vec::new();
    let status = process::stream(&mut command, &log, &mut step, |line| {
        programs.extend(test_program(line));
    })?;
    if !status.success() {
        bail!(
            "the guest tests do not build: {}",
            process::failure(&command, status, &log)
        );
    }
    // One by one: what is built together gets the features of all.
    for program in [
        ["--package", "dmaheap-tests", "--bins"].as_slice(),
        &["--package", "gst-plugin-dmaheap", "--examples"],
    ] {
        let mut command = cargo::command(sysroot, &[])?;
        process::run(command.arg("build").args(program), &log, &mut step)?;
    }
    let targets = programs
        .into_iter()
        .map(|(name, binary)| list(sysroot, name, binary))
        .collect::<Result<Vec<_>>>()?;
    step.done(&format!(
        "{} tests",
        targets
            .iter()
            .map(|target| target.tests.len())
            .sum::<usize>()
    ));
    Ok(targets)
}

/// Name and program of a test target, when this line of cargo's JSON announces one.
fn test_program(line: &str) -> Option<(String, String)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let target = &message["target"];
    let is_test = message["reason"] == "compiler-artifact"
        && target["kind"].as_array()?.iter().any(|kind| kind == "test");
    is_test.then(|| {
        Some((
            target["name"].as_str()?.to_owned(),
            message["executable"].as_str()?.to_owned(),
        ))
    })?
}

fn list(sysroot: &Sysroot, name: String, binary: String) -> Result<Target> {
    let mut command = sysroot.command(&binary, workspace::root(), &[])?;
    let output = process::output(command.args(["--list", "--format", "terse"]))
        .with_context(|| format!("cannot list the tests of {name}"))?;
    Ok(Target {
        name,
        binary,
        tests: listed_tests(&output),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_test_programs_in_cargos_messages() {
        let line = r#"{"reason":"compiler-artifact","target":{"kind":["test"],"name":"demo"},"executable":"/t/demo-1"}"#;
        assert_eq!(
            test_program(line),
            Some(("demo".to_owned(), "/t/demo-1".to_owned()))
        );
        assert_eq!(test_program(&line.replace("[\"test\"]", "[\"lib\"]")), None);
        assert_eq!(test_program("   Compiling demo"), None);
    }
}
