//! `cargo xtask demo`: the camera on the display, in the virtual machine, and a picture of it.

use std::fs;
use std::io::{self, Write as _};
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

const PICTURE: &str = "kms.png";
/// Boot and pipeline start-up, with room for a busy host.
const STARTUP: Duration = Duration::from_mins(2);

/// Arguments of `cargo xtask demo`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How long the camera is shown
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// The machine variant, from tests/machines.toml
    #[arg(long, default_value = "demo")]
    machine: String,
}

/// Runs the demo and fetches the picture.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let machine = Machine::load(&arguments.machine)?;
    let images = Images::obtain()?;
    build::plugin_and_demo(&images.sysroot)?;
    let from = workspace::out().join(PICTURE);
    let to = workspace::target().join("demo").join(PICTURE);
    for stale in [&from, &to] {
        fs::remove_file(stale).ok();
    }
    let seconds = arguments.seconds.to_string();
    let snapshot = format!("/out/{PICTURE}");
    let command = [
        "dmaheap-demo",
        "view",
        "--size",
        "1280x720",
        "--seconds",
        &seconds,
        "--snapshot",
        &snapshot,
    ];
    let job = Job {
        machine: &machine,
        modules: true,
        arguments: command.map(Into::into).to_vec(),
        environment: stage::environment(&images.sysroot)?,
        directory: workspace::root().to_owned(),
        timeout: STARTUP + Duration::from_secs(arguments.seconds * 3),
        silence: None,
    };
    let mut step = Step::start(format!(
        "camera to display for {seconds} s in the virtual machine"
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
    if !from.is_file() {
        bail!(
            "the demo ended well but left no picture at {snapshot} in the guest ({})",
            from.display()
        );
    }
    fs::create_dir_all(to.parent().unwrap_or(&to)).context("cannot create target/demo")?;
    fs::copy(&from, &to)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    println!("\n{images}\npicture    {}", to.display());
    Ok(code)
}
