//! The virtual machine: its variants, its command line, what runs in it and how that ended.

pub(crate) mod accel;
pub(crate) mod console;
pub(crate) mod job;
pub(crate) mod machine;
pub(crate) mod output;
pub(crate) mod qemu;
pub(crate) mod run;
pub(crate) mod stage;
