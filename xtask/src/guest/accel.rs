//! Hardware virtualisation, where it works.
//!
//! `/dev/kvm` can exist and open and yet never run a guest (nested machines do that), so the only proof is a kernel that boots.

use std::env;
use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::host::progress::Step;
use crate::image::kernel::Kernel;

const TRIAL: Duration = Duration::from_secs(15);

/// How QEMU runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accel {
    /// By the processor.
    Kvm,
    /// In software.
    Tcg,
}

impl Accel {
    /// KVM when the processor has it and a trial boot succeeds, else TCG. `DMAHEAP_ACCEL=kvm|tcg` decides without a trial.
    pub(crate) fn choose(kernel: &Kernel) -> Result<Self> {
        match env::var("DMAHEAP_ACCEL").as_deref() {
            Ok("kvm") => return Ok(Self::Kvm),
            Ok("tcg") => return Ok(Self::Tcg),
            Ok(other) => bail!("DMAHEAP_ACCEL is `{other}`; it can be kvm or tcg"),
            Err(_) => {}
        }
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let usable = has_virtualisation(&cpuinfo)
            && OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/kvm")
                .is_ok();
        Ok(if usable && boots(kernel)? {
            Self::Kvm
        } else {
            Self::Tcg
        })
    }

    /// QEMU's arguments. Nehalem is the newest model without AVX: translated AVX code of software renderers crashed in trials.
    pub(crate) fn arguments(self) -> [&'static str; 4] {
        match self {
            Self::Kvm => ["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => ["-accel", "tcg,thread=multi", "-cpu", "Nehalem"],
        }
    }

    /// The name for reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kvm => "KVM",
            Self::Tcg => "TCG",
        }
    }
}

fn has_virtualisation(cpuinfo: &str) -> bool {
    let flags = cpuinfo.lines().find_map(|line| line.strip_prefix("flags"));
    flags.is_some_and(|flags| {
        flags
            .split_whitespace()
            .any(|flag| flag == "vmx" || flag == "svm")
    })
}

/// Boots the kernel without a root file system: it has run when it panics for the lack of one.
fn boots(kernel: &Kernel) -> Result<bool> {
    let mut step = Step::start("trying hardware virtualisation");
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let console = directory.path().join("console");
    let mut child = Command::new("qemu-system-x86_64")
        .args(Accel::Kvm.arguments())
        .args([
            "-machine",
            "q35",
            "-m",
            "512M",
            "-display",
            "none",
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
        ])
        .arg("-kernel")
        .arg(kernel.image())
        .args(["-append", "console=ttyS0 panic=-1", "-serial"])
        .arg(format!("file:{}", console.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start qemu-system-x86_64")?;
    let started = Instant::now();
    while started.elapsed() < TRIAL && child.try_wait().context("cannot wait for QEMU")?.is_none() {
        thread::sleep(Duration::from_millis(50));
        step.tick();
    }
    child.kill().ok();
    child.wait().context("cannot wait for QEMU")?;
    let ran = panicked(&console);
    step.done(if ran {
        "it works"
    } else {
        "a guest does not run: using software emulation"
    });
    Ok(ran)
}

fn panicked(console: &Path) -> bool {
    fs::read(console).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains("Kernel panic"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_must_be_a_word_of_its_own() {
        assert!(has_virtualisation(
            "model name\t: x\nflags\t\t: fpu vmx de\n"
        ));
        assert!(has_virtualisation("flags\t\t: fpu svm\n"));
        assert!(!has_virtualisation("flags\t\t: fpu svm_lock vmxnet\n"));
        assert!(!has_virtualisation(""));
    }
}
