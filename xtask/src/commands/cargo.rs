//! `cargo xtask cargo`: cargo inside the system root.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context as _, Result};
use clap::Args;

use crate::commands::setup;
use crate::host::{process, workspace};
use crate::image::sysroot::Sysroot;

/// Arguments of `cargo xtask cargo`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Cargo's arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<OsString>,
}

/// Runs cargo and passes its exit status on.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let sysroot = setup::sysroot()?;
    let mut command = command(&sysroot, &[])?;
    let status = command
        .args(&arguments.arguments)
        .status()
        .context("cannot start cargo in the system root")?;
    Ok(exit_code(status))
}

/// A cargo command inside the system root. Fetches the crates first: the system root has neither certificates nor a proxy.
pub(crate) fn command(sysroot: &Sysroot, extra_env: &[(&str, &str)]) -> Result<Command> {
    fetch();
    sysroot.command("cargo", &start_directory(), extra_env)
}

/// Fetches the crates of the work tree.
pub(crate) fn fetch() {
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    let mut fetch = Command::new("cargo");
    fetch
        .args(["fetch", "--quiet", "--target", &target])
        .current_dir(workspace::root());
    if let Err(error) = process::output(&mut fetch) {
        // Everything may be there already; if not, cargo says what is missing.
        eprintln!("warning: cannot fetch crates: {error:#}");
    }
}

/// The caller's directory when it is in the work tree, which both the system root and the guest see at its own path.
pub(crate) fn start_directory() -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    if here.starts_with(workspace::root()) {
        here
    } else {
        workspace::root().to_owned()
    }
}

/// The exit status of a program as ours; ended by signal N is 128 + N, as in a shell.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(
        code.and_then(|code| u8::try_from(code).ok())
            .unwrap_or(u8::MAX),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_are_passed_on() {
        assert_eq!(exit_code(ExitStatus::from_raw(0)), ExitCode::SUCCESS);
        assert_eq!(
            exit_code(ExitStatus::from_raw(101 << 8)),
            ExitCode::from(101)
        );
        assert_eq!(exit_code(ExitStatus::from_raw(9)), ExitCode::from(137));
    }
}
