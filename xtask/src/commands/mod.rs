//! The commands of `cargo xtask`.

mod build;
mod cargo;
mod clean;
mod demo;
mod setup;
mod test;
mod vm;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// What xtask can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run any cargo command inside the Debian system root
    ///
    /// The machine's own Rust is used, crates are fetched first, and what is built goes to target/sysroot.
    Cargo(cargo::Arguments),
    /// List what the cache holds, with sizes, and delete it
    Clean(clean::Arguments),
    /// Show the camera on the display, in the virtual machine, without a copy; leaves target/demo/kms.png
    Demo(demo::Arguments),
    /// Run all tests: format, lints, units, and the guest's on real drivers
    Test(test::Arguments),
    /// Run a command in the virtual machine, with vivid, vkms and dma heaps
    ///
    /// The plugin is on `GST_PLUGIN_PATH`, our binaries on PATH, target/vm/out is /out. The exit status is the command's, except:
    /// 120 QEMU ended early, 121 the machine could not be set up, 122 kernel oops, 123 kernel panic, 124 time-out.
    Vm(vm::Arguments),
}

impl Command {
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Self::Cargo(arguments) => cargo::run(&arguments),
            Self::Clean(arguments) => clean::run(&arguments),
            Self::Demo(arguments) => demo::run(&arguments),
            Self::Test(arguments) => test::run(&arguments),
            Self::Vm(arguments) => vm::run(&arguments),
        }
    }
}
