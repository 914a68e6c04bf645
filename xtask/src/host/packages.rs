//! The Debian packages xtask needs on this machine.

use std::env;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::host::progress::Step;
use crate::host::{namespace, process, workspace};

const PACKAGES: [&str; 17] = [
    // The system root and the namespaces it is built and entered in.
    "debian-archive-keyring",
    "mmdebstrap",
    "uidmap",
    "util-linux",
    // The kernel.
    "bc",
    "bison",
    "flex",
    "gcc",
    "kmod",
    "libc6-dev",
    "libelf-dev",
    "libssl-dev",
    "make",
    "perl",
    "xz-utils",
    // The machine, and fetching crates for it.
    "ca-certificates",
    "qemu-system-x86",
];

/// Installs what is missing, when root or sudo without a password allows it; else stops with the line to type.
pub(crate) fn ensure() -> Result<()> {
    let missing = missing()?;
    if missing.is_empty() {
        return Ok(());
    }
    let install = format!(
        "apt-get install --yes --no-install-recommends {}",
        missing.join(" ")
    );
    let Some(prefix) = privilege() else {
        bail!(
            "this machine lacks Debian packages. Type this line, then run the command again:\n\n  sudo {install}\n"
        );
    };
    let mut step = Step::start(format!("installing {}", missing.join(" ")));
    let log = workspace::log("packages");
    let mut apt = |line: &str| process::run(&mut as_root(&prefix, line), &log, &mut step);
    // A machine that never ran `apt-get update`, or long ago, knows no such packages or offers removed versions.
    if apt(&install).is_err() {
        apt("apt-get update")
            .and_then(|()| apt(&install))
            .with_context(|| {
                format!("cannot install packages; repair apt, or type: sudo {install}")
            })?;
    }
    step.done("");
    Ok(())
}

fn missing() -> Result<Vec<&'static str>> {
    let query = Command::new("dpkg-query")
        .args(["--show", "--showformat", "${db:Status-Status} ${Package}\n"])
        .args(PACKAGES)
        .output();
    let Ok(output) = query else {
        bail!(
            "this machine has no dpkg-query: the test bed is made for Debian 12 and newer.\n\
             `cargo build` and `cargo test` work without it"
        );
    };
    Ok(not_installed(&String::from_utf8_lossy(&output.stdout)))
}

fn not_installed(dpkg: &str) -> Vec<&'static str> {
    let installed: Vec<&str> = dpkg
        .lines()
        .filter_map(|line| line.strip_prefix("installed "))
        .collect();
    PACKAGES
        .into_iter()
        .filter(|package| !installed.contains(package))
        .collect()
}

/// What to put before a command to run it as root without being asked for a password.
fn privilege() -> Option<Vec<&'static str>> {
    if namespace::is_root() {
        return Some(Vec::new());
    }
    let sudo = Command::new("sudo")
        .args(["--non-interactive", "true"])
        .output();
    sudo.is_ok_and(|output| output.status.success())
        .then(|| vec!["sudo", "--non-interactive"])
}

fn as_root(prefix: &[&str], line: &str) -> Command {
    let mut words = prefix
        .iter()
        .copied()
        .chain(["env", "DEBIAN_FRONTEND=noninteractive"])
        .chain(line.split_whitespace());
    let mut command = Command::new(words.next().unwrap_or("env"));
    command.args(words);
    command
}

/// Finds the programs that Debian keeps in `/sbin`, which is not on an ordinary user's PATH.
pub(crate) fn path_with_sbin() -> String {
    format!(
        "{}:/usr/local/sbin:/usr/sbin:/sbin",
        env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".to_owned())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_only_when_it_is_installed() {
        let all = PACKAGES
            .map(|package| format!("installed {package}\n"))
            .concat();
        assert!(not_installed(&all).is_empty());
        let removed = all
            .replace("installed bc\n", "config-files bc\n")
            .replace("installed flex\n", "");
        assert_eq!(not_installed(&removed), ["bc", "flex"]);
    }

    #[test]
    fn apt_runs_without_questions() {
        let command = as_root(&["sudo", "--non-interactive"], "apt-get update");
        assert_eq!(
            process::describe(&command),
            "sudo --non-interactive env DEBIAN_FRONTEND=noninteractive apt-get update"
        );
        assert_eq!(
            process::describe(&as_root(&[], "apt-get update")),
            "env DEBIAN_FRONTEND=noninteractive apt-get update"
        );
    }
}
