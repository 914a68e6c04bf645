//! `dmaheap-demo`: a camera on a display without a copy, and the proof on one page.
//!
//! The plugin is linked in, so that one file can be copied to a board; GStreamer itself, with its
//! `video4linux2` plugin, is the board's own.

mod cli;
mod probe;
mod view;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::View(options) => prepare().and_then(|()| view::run(&options)),
        Command::Probe(options) => probe::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            view::status::print_error(&format!("dmaheap-demo: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn prepare() -> anyhow::Result<()> {
    gst::init()?;
    gstdmaheap::plugin_register_static()?;
    Ok(())
}
