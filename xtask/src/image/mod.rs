//! The images the virtual machine is made of: a Debian system root and a kernel, built once and kept in a cache.

pub(crate) mod cache;
pub(crate) mod kconfig;
pub(crate) mod kernel;
pub(crate) mod key;
pub(crate) mod source;
pub(crate) mod sysroot;
