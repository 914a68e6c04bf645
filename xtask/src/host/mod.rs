//! The machine xtask runs on: its packages, its mirror, its terminal, its locks.

pub(crate) mod apt;
pub(crate) mod lock;
pub(crate) mod mounts;
pub(crate) mod namespace;
pub(crate) mod packages;
pub(crate) mod process;
pub(crate) mod progress;
pub(crate) mod workspace;
