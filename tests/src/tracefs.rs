//! The files by which the kernel's tracer is told what to do (`Documentation/trace/ftrace.rst`).

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/kernel/tracing";

/// A file or directory of the tracer.
fn path(file: &str) -> PathBuf {
    Path::new(ROOT).join(file)
}

/// What a file says now.
#[track_caller]
pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(path(file))
        .unwrap_or_else(|error| panic!("cannot read tracefs {file}: {error}"))
}

/// Puts a value in the place of what a file says.
#[track_caller]
pub(crate) fn write(file: &str, text: &str) {
    fs::write(path(file), text)
        .unwrap_or_else(|error| panic!("cannot write `{text}` to tracefs {file}: {error}"));
}
