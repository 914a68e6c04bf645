//! Where things are in this work tree.

use std::path::{Path, PathBuf};

/// The root of the workspace: the directory above this package.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Cargo's target directory on the host.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Cargo's target directory for what is built in the sysroot.
pub(crate) fn sysroot_target() -> PathBuf {
    target().join("sysroot")
}

/// What xtask keeps for its virtual machines.
pub(crate) fn vm() -> PathBuf {
    target().join("vm")
}

/// The directory that the guest sees as `/out`.
pub(crate) fn out() -> PathBuf {
    vm().join("out")
}

/// The log file of a step: `target/vm/log/NAME.log`.
pub(crate) fn log(name: &str) -> PathBuf {
    vm().join("log").join(format!("{name}.log"))
}
