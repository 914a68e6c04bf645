//! Commands as root of a mount namespace of their own, for root and for ordinary users alike.
//!
//! Bind mounts made there vanish with the last process in it and are never seen outside, so nothing can stay mounted by mistake.
//! An ordinary user becomes root of a user namespace in which his subordinate ids are the other users.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::host::{packages, process};

/// A command that runs `program` in a private mount namespace and dies with xtask.
pub(crate) fn private(program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.env("PATH", packages::path_with_sbin());
    if !is_root() {
        command.args(["--user", "--map-auto", "--map-root-user"]);
    }
    command.args([
        "--mount",
        "--propagation",
        "private",
        "--",
        "setpriv",
        "--pdeathsig",
        "KILL",
        "--",
        program,
    ]);
    command
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Makes sure that namespaces can be made here, with the remedy when they cannot.
pub(crate) fn check() -> Result<()> {
    let mut command = private("mount");
    command.args(["-t", "tmpfs", "tmpfs", "/mnt"]);
    let Err(error) = process::output(&mut command) else {
        return Ok(());
    };
    if is_root() {
        bail!(
            "{error:#}\nroot cannot make a mount namespace here; in a container, start it with CAP_SYS_ADMIN (docker run --privileged)"
        );
    }
    let user = process::output(Command::new("id").arg("-un"))
        .context("cannot find the name of this user")?;
    bail!(
        "{error:#}\n{user} cannot make a user namespace with subordinate ids. What helps:\n  \
         sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}   (when /etc/subuid has no line for {user})\n  \
         sudo sysctl kernel.unprivileged_userns_clone=1   (when that setting exists and is 0)\n  \
         sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0   (when that setting exists and is 1)",
        user = user.trim()
    );
}
