//! `bed.toml`: which Debian release and which kernel the test bed is made of.

use std::fs;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::host::workspace;

/// The description of the test bed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bed {
    pub(crate) sysroot: SysrootSpec,
    pub(crate) kernel: KernelSpec,
}

/// The Debian system that is the guest's root and the place where everything is built.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SysrootSpec {
    /// Debian's code name of the release.
    pub(crate) suite: String,
    pub(crate) packages: Vec<String>,
}

/// The kernel of the guest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KernelSpec {
    /// The Debian suite with the source package.
    pub(crate) suite: String,
    /// The newest package whose name is this and a version is taken.
    pub(crate) package_prefix: String,
    /// The oldest version that has what the tests need.
    pub(crate) oldest: String,
}

impl Bed {
    /// Reads `xtask/bed.toml`.
    pub(crate) fn load() -> Result<Self> {
        let path = workspace::root().join("xtask/bed.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text)
            .with_context(|| format!("{} does not describe a test bed", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bed_of_this_repository_is_well_formed() {
        let bed = Bed::load().unwrap();
        assert!(
            bed.sysroot
                .packages
                .contains(&"libgstreamer1.0-dev".to_owned())
        );
        assert!(!bed.kernel.package_prefix.is_empty());
    }
}
