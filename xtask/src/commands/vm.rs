//! `cargo xtask vm`: a command in the virtual machine.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::commands::setup::Images;
use crate::commands::{build, cargo};
use crate::guest::job::Job;
use crate::guest::machine::Machine;
use crate::guest::run::{Outcome, Report};
use crate::guest::stage;
use crate::host::workspace;

/// Arguments of `cargo xtask vm`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The machine variant, from tests/machines.toml
    #[arg(long, default_value = "default")]
    machine: String,
    /// Which kernel modules to load
    #[arg(long, value_enum, default_value_t = Modules::Default)]
    modules: Modules,
    /// Seconds until the machine is ended, boot included
    #[arg(long, default_value_t = 600)]
    timeout: u64,
    /// Take plugin and binaries as they were built last
    #[arg(long)]
    no_build: bool,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Modules {
    /// Those of the machine variant
    Default,
    None,
}

/// Boots the machine, runs the command and tells how it ended.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let machine = Machine::load(&arguments.machine)?;
    let images = Images::obtain()?;
    if !arguments.no_build {
        build::plugin_and_demo(&images.sysroot)?;
    }
    let job = Job {
        machine: &machine,
        modules: arguments.modules == Modules::Default,
        arguments: arguments.command.clone(),
        environment: stage::environment(&images.sysroot)?,
        directory: cargo::start_directory(),
        timeout: Duration::from_secs(arguments.timeout),
        silence: None,
    };
    let mut stdout = io::stdout().lock();
    // A closed pipe on our side, such as `| head`, is no reason to end the machine early.
    let report = images.guest().run(&job, |bytes| {
        drop(stdout.write_all(bytes).and_then(|()| stdout.flush()));
    })?;
    Ok(tell(&report))
}

/// Prints what is not plain success or failure of the command, and returns the exit status that stands for it.
pub(crate) fn tell(report: &Report) -> ExitCode {
    if let Some(warning) = &report.warning {
        eprintln!("warning: the guest's kernel warned:\n{warning}");
    }
    let code = match &report.outcome {
        Outcome::Exited(status) => return ExitCode::from(*status),
        Outcome::Vanished { .. } => 120,
        Outcome::SetupFailed(_) => 121,
        Outcome::Oopsed { .. } => 122,
        Outcome::Panicked { .. } => 123,
        Outcome::TimedOut { .. } | Outcome::Silent { .. } => 124,
    };
    eprintln!("error: {}", explain(&report.outcome));
    ExitCode::from(code)
}

/// How a run ended, in words, with what the console said.
pub(crate) fn explain(outcome: &Outcome) -> String {
    let text = match outcome {
        Outcome::Exited(status) => return format!("the command ended with {status}"),
        Outcome::Vanished { qemu, console } => {
            format!("QEMU ended before the command did: {qemu}\n{console}")
        }
        Outcome::SetupFailed(what) => format!("the guest could not be set up: {what}"),
        Outcome::Oopsed { status, trace } => {
            format!("the guest's kernel oopsed (the command ended with {status}):\n{trace}")
        }
        Outcome::Panicked { trace } => format!("the guest's kernel panicked:\n{trace}"),
        Outcome::TimedOut { after, console } => {
            format!(
                "the time of {} s is over; last on the console:\n{console}",
                after.as_secs()
            )
        }
        Outcome::Silent { after, console } => format!(
            "no output for {} s; last on the console:\n{console}",
            after.as_secs()
        ),
    };
    format!(
        "{text}\n(the whole console: {})",
        workspace::log("console").display()
    )
}
