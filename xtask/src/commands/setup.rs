//! What the commands need before they start: packages, namespaces, images.

use std::env;
use std::fmt;

use anyhow::{Result, bail};

use crate::bed::Bed;
use crate::guest::accel::Accel;
use crate::guest::run::Guest;
use crate::host::{namespace, packages, process};
use crate::image::cache::Cache;
use crate::image::kernel::Kernel;
use crate::image::modules::Modules;
use crate::image::sysroot::Sysroot;

/// The system root, the machine set up so far that it can be entered.
pub(crate) fn sysroot() -> Result<Sysroot> {
    let (cache, bed) = prepare()?;
    Sysroot::obtain(&cache, &bed.sysroot)
}

/// Everything that a virtual machine is made of.
#[derive(Debug)]
pub(crate) struct Images {
    pub(crate) sysroot: Sysroot,
    pub(crate) kernel: Kernel,
    pub(crate) modules: Modules,
    pub(crate) accel: Accel,
}

impl Images {
    /// Takes the images from the cache, and builds what is missing.
    pub(crate) fn obtain() -> Result<Self> {
        let (cache, bed) = prepare()?;
        let sysroot = Sysroot::obtain(&cache, &bed.sysroot)?;
        let kernel = Kernel::obtain(&cache, &bed.kernel)?;
        let modules = Modules::obtain(&cache, &kernel)?;
        let accel = Accel::choose(&kernel)?;
        Ok(Self {
            sysroot,
            kernel,
            modules,
            accel,
        })
    }

    /// The machine of these images.
    pub(crate) fn guest(&self) -> Guest<'_> {
        Guest {
            sysroot: &self.sysroot,
            kernel: &self.kernel,
            modules: &self.modules,
            accel: self.accel,
        }
    }
}

/// The versions of everything that a result depends on.
impl fmt::Display for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first_line = |program: &str| {
            let text = process::output(std::process::Command::new(program).arg("--version"))
                .unwrap_or_default();
            text.lines().next().unwrap_or("(unknown)").to_owned()
        };
        let sysroot = &self.sysroot;
        writeln!(f, "kernel     {}", self.kernel.release())?;
        writeln!(f, "Debian     {}", sysroot.version_of("base-files"))?;
        writeln!(f, "GStreamer  {}", sysroot.version_of("libgstreamer1.0-0"))?;
        writeln!(
            f,
            "QEMU       {}, {}",
            first_line("qemu-system-x86_64").trim_start_matches("QEMU emulator version "),
            self.accel.name()
        )?;
        write!(f, "Rust       {}", first_line("rustc"))
    }
}

fn prepare() -> Result<(Cache, Bed)> {
    if env::consts::ARCH != "x86_64" {
        bail!(
            "the test bed is made for x86-64 machines, and this one is {}: use another machine",
            env::consts::ARCH
        );
    }
    packages::ensure()?;
    namespace::check()?;
    Ok((Cache::open()?, Bed::load()?))
}
