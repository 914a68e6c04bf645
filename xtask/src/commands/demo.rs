//! `cargo xtask demo`: the camera on both displays, in the virtual machine, and a picture of each.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::commands::setup::Images;
use crate::commands::{build, vm};
use crate::guest::job::Job;
use crate::guest::machine::Machine;
use crate::guest::run::Outcome;
use crate::guest::stage;
use crate::host::progress::Step;
use crate::host::workspace;

/// What the guest does, with the arguments SECONDS and DIRECTORY.
const SCRIPT: &str = include_str!("demo.sh");
/// One picture for each display.
const PICTURES: [&str; 2] = ["kms.png", "wayland.png"];
/// Boot, compositor and the start-up of two pipelines, with room for a busy host.
const STARTUP: Duration = Duration::from_mins(4);

/// Arguments of `cargo xtask demo`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How long the camera is shown on each display
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The machine variant, from tests/machines.toml
    #[arg(long, default_value = "demo")]
    machine: String,
}

/// Runs the demo and fetches the pictures.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let machine = Machine::load(&arguments.machine)?;
    let images = Images::obtain()?;
    build::plugin_and_demo(&images.sysroot)?;
    for picture in PICTURES {
        fs::remove_file(workspace::out().join(picture)).ok();
        fs::remove_file(destination(picture)).ok();
    }
    let seconds = arguments.seconds.to_string();
    let command = ["bash", "-euc", SCRIPT, "demo.sh", &seconds, "/out"];
    let job = Job {
        machine: &machine,
        modules: true,
        arguments: command.map(Into::into).to_vec(),
        environment: stage::environment(&images.sysroot)?,
        directory: workspace::root().to_owned(),
        timeout: STARTUP + Duration::from_secs(arguments.seconds * 6),
        silence: None,
    };
    let mut step = Step::start(format!(
        "camera to display and to compositor, {seconds} s each, in the virtual machine"
    ));
    let mut output = Vec::new();
    let report = images.guest().run(&job, |bytes| {
        output.extend_from_slice(bytes);
        step.detail(
            String::from_utf8_lossy(bytes)
                .lines()
                .last()
                .unwrap_or_default(),
        );
    })?;
    step.done("");
    io::stdout()
        .write_all(&output)
        .context("cannot write to stdout")?;
    let code = vm::tell(&report);
    if report.outcome != Outcome::Exited(0) {
        return Ok(code);
    }
    println!("\n{images}");
    for picture in PICTURES {
        println!("picture    {}", fetch(picture)?.display());
    }
    Ok(code)
}

fn destination(picture: &str) -> PathBuf {
    workspace::target().join("demo").join(picture)
}

/// Copies a picture from where the guest left it; the path of the copy.
fn fetch(picture: &str) -> Result<PathBuf> {
    let (from, to) = (workspace::out().join(picture), destination(picture));
    if !from.is_file() {
        bail!(
            "the demo ended well but left no picture at /out/{picture} in the guest ({})",
            from.display()
        );
    }
    fs::create_dir_all(to.parent().unwrap_or(&to)).context("cannot create target/demo")?;
    fs::copy(&from, &to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(to)
}
