//! Building our plugin and programs in the system root.

use std::fs;

use anyhow::{Context as _, Result};

use crate::commands::cargo;
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
