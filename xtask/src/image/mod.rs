//! The images the virtual machine is made of: a Debian system root, a kernel and its modules, built once and kept in a cache.

pub(crate) mod cache;
pub(crate) mod kconfig;
pub(crate) mod kernel;
pub(crate) mod key;
pub(crate) mod modules;
pub(crate) mod source;
pub(crate) mod sysroot;
