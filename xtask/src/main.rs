//! `cargo xtask`: the test bed, the demo and the tests of dmaheap.
//!
//! What dmaheap promises shows only on a real kernel with real drivers, and a development machine seldom has them. So xtask builds a
//! Debian system root and a test kernel once, keeps both in a cache, and runs commands in a virtual machine made of them.
//! It needs root for installing packages only; everything else works as an ordinary user, in namespaces.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "talking to the person at the terminal is what xtask is for"
)]

mod bed;
mod commands;
mod guest;
mod host;
mod image;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;

/// The test bed, the demo and the tests of dmaheap.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match Arguments::parse().command.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
