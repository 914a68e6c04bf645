//! What needs no guest: format, lints, documentation, unit tests, dependencies, installation.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::commands::cargo;
use crate::commands::test::install;
use crate::commands::test::libtest::Summary;
use crate::commands::test::tally::{Case, Tally};
use crate::host::progress::Step;
use crate::host::{process, workspace};
use crate::image::sysroot::Sysroot;

/// Runs all checks, also after one has failed.
pub(crate) fn run(sysroot: &Sysroot, tally: &mut Tally) -> Result<()> {
    let deny_warnings = ["--", "-D", "warnings"];
    let clippy = |words: &[&'static str]| [words, &deny_warnings].concat();
    tally.add(check(
        "format",
        &mut host_cargo(&["fmt", "--all", "--check"]),
    ));
    tally.add(check(
        "lints on this machine",
        &mut host_cargo(&clippy(&["clippy", "--all-targets"])),
    ));
    tally.add(unit_tests(
        "unit tests on this machine",
        &mut host_cargo(&["test", "--no-fail-fast"]),
    ));
    for (package, forbidden) in WALLS {
        tally.add(dependencies(package, forbidden));
    }
    let mut in_sysroot = |name: &str, words: &[&str], environment: &[(&str, &str)]| -> Result<()> {
        let mut command = cargo::command(sysroot, environment)?;
        command.args(words);
        tally.add(if words[0] == "test" {
            unit_tests(name, &mut command)
        } else {
            check(name, &mut command)
        });
        Ok(())
    };
    in_sysroot(
        "lints of all crates",
        &clippy(&["clippy", "--workspace", "--all-targets"]),
        &[],
    )?;
    in_sysroot(
        "documentation",
        &["doc", "--workspace", "--no-deps"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )?;
    let elements = [
        "test",
        "--no-fail-fast",
        "--package",
        "gst-plugin-dmaheap",
        "--package",
        "dmaheap-demo",
        // With the plugin's features: on libwayland.
        "--package",
        "wayland-import",
    ];
    in_sysroot("unit tests of plugin and demo", &elements, &[])?;
    let support = [
        "test",
        "--no-fail-fast",
        "--package",
        "dmaheap-tests",
        "--lib",
        "--bins",
    ];
    in_sysroot("unit tests of the guest tests", &support, &[])?;
    tally.add(install::check(sysroot)?);
    Ok(())
}

/// A program that must succeed.
pub(crate) fn check(name: &str, command: &mut Command) -> Case {
    let log = fresh_log(name);
    let mut step = Step::start(name);
    let failure = process::run(command, &log, &mut step)
        .err()
        .map(|error| format!("{error:#}"));
    finished(step, |time| Case::single(name, time, failure))
}

/// A `cargo test`, which counts as as many tests as it ran, or as one failure when it does not build.
fn unit_tests(name: &str, command: &mut Command) -> Case {
    let log = fresh_log(name);
    let mut step = Step::start(name);
    let mut summary = Summary::default();
    let mut failures = Vec::new();
    let status = process::stream(command, &log, &mut step, |line| {
        summary.add_line(line);
        if line.starts_with("test ") && line.ends_with("FAILED") {
            failures.push(line.to_owned());
        }
    });
    let detail = match status {
        Ok(status) if status.success() => String::new(),
        Ok(status) => format!(
            "{}\n{}",
            failures.join("\n"),
            process::failure(command, status, &log)
        ),
        Err(error) => format!("{error:#}"),
    };
    let failed = if detail.is_empty() {
        summary.failed
    } else {
        summary.failed.max(1)
    };
    let ignored = if summary.ignored > 0 {
        format!(" ({} ignored)", summary.ignored)
    } else {
        String::new()
    };
    finished(step, |time| Case {
        name: format!("{name}{ignored}"),
        time,
        passed: summary.passed,
        failed,
        detail,
    })
}

/// What a crate may not depend on. The shared layer knows no GStreamer, no DRM and no Wayland, and the importers above it
/// do not see each other.
const WALLS: [(&str, &[&str]); 4] = [
    (
        "dmabuf-heap",
        &["gstreamer", "drm", "wayland", "smithay", "v4l2"],
    ),
    (
        "cpu-convert",
        &["gstreamer", "drm", "wayland", "smithay", "v4l2"],
    ),
    ("drm-import", &["gstreamer", "wayland", "smithay", "v4l2"]),
    ("wayland-import", &["gstreamer", "drm", "v4l2"]),
];

/// The constants of DRM, without its system calls.
const DRM_NUMBERS: &str = "drm-fourcc";

/// Whether a crate keeps to its side of the walls.
fn dependencies(package: &str, forbidden_names: &[&str]) -> Case {
    let name = format!("dependencies of {package}");
    let step = Step::start(&name);
    let words = [
        "tree",
        "--package",
        package,
        "--all-features",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let failure = match process::output(&mut host_cargo(&words)) {
        Ok(tree) => forbidden(&tree, forbidden_names)
            .map(|names| format!("its dependency tree has {names}, which it may not know")),
        Err(error) => Some(format!("{error:#}")),
    };
    finished(step, |time| Case::single(&name, time, failure))
}

fn forbidden(tree: &str, forbidden_names: &[&str]) -> Option<String> {
    let is_forbidden = |name: &&str| {
        *name != DRM_NUMBERS
            && forbidden_names
                .iter()
                .any(|prefix| name.starts_with(prefix))
    };
    let names: BTreeSet<&str> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(is_forbidden)
        .collect();
    (!names.is_empty()).then(|| names.into_iter().collect::<Vec<_>>().join(", "))
}

fn finished(step: Step, case: impl FnOnce(std::time::Duration) -> Case) -> Case {
    let case = case(step.elapsed());
    step.done(match case.failed {
        0 => "passed",
        _ => "FAILED",
    });
    case
}

fn host_cargo(words: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(words).current_dir(workspace::root());
    command
}

fn fresh_log(name: &str) -> std::path::PathBuf {
    let log = workspace::log(&name.replace(' ', "-"));
    fs::remove_file(&log).ok();
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_forbidden_crates_are_named() {
        let (package, names) = WALLS[0];
        let of = |tree: &str| forbidden(tree, names);
        assert_eq!(
            of("dmabuf-heap v0.1.0 (/x)\ndrm-fourcc v2.2.0\nrustix v1.1.6\n"),
            None,
            "{package}"
        );
        let tree = "dmabuf-heap v0.1.0\ndrm v0.15.0\ngstreamer-sys v0.25.0\ngstreamer-sys v0.25.0 (*)\nwayland-client v0.31\n";
        assert_eq!(of(tree).unwrap(), "drm, gstreamer-sys, wayland-client");
    }
}
