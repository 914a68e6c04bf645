//! DRM master: getting it, and finding out who has it.

use std::fs;
use std::path::Path;

use drm::Device as _;
use drm::control::AtomicCommitFlags;

use super::Device;

/// Who may commit on a card instead of us, as far as this process can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder(String);

impl Device {
    /// Makes sure that this process may commit, or tells who may.
    pub(crate) fn ensure_master(&self) -> Result<(), Holder> {
        // An empty test commit needs master and does nothing.
        if self
            .card()
            .commit(&[], AtomicCommitFlags::TEST_ONLY)
            .is_ok()
            || self.card().acquire_master_lock().is_ok()
        {
            return Ok(());
        }
        Err(self.master_holder())
    }

    /// The process that is master of this card now.
    pub(crate) fn master_holder(&self) -> Holder {
        let minor = rustix::fs::minor(self.rdev);
        let clients = format!("/sys/kernel/debug/dri/{minor}/clients");
        if let Some(holder) = fs::read_to_string(clients)
            .ok()
            .and_then(|text| master_in(&text))
        {
            return holder;
        }
        let users = users_of(self.path());
        if users.is_empty() {
            Holder("another process (run as root to see which)".into())
        } else {
            Holder(format!(
                "one of the processes that have it open: {}",
                users.join(", ")
            ))
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Finds the master in the table of debugfs: `command tgid dev master a uid …`.
fn master_in(clients: &str) -> Option<Holder> {
    clients.lines().skip(1).find_map(|line| {
        // A command may hold blanks; the fields after it never do.
        let fields: Vec<&str> = line.split_whitespace().collect();
        let tgid = (1..fields.len()).find(|&index| {
            fields[index].parse::<u32>().is_ok()
                && fields
                    .get(index + 1)
                    .is_some_and(|minor| minor.parse::<u32>().is_ok())
                && matches!(fields.get(index + 2), Some(&("y" | "n")))
        })?;
        (fields[tgid + 2] == "y").then(|| {
            Holder(format!(
                "{} (process {})",
                fields[..tgid].join(" "),
                fields[tgid]
            ))
        })
    })
}

/// Other processes that have `node` open, as `name (pid)`.
fn users_of(node: &Path) -> Vec<String> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let own = std::process::id();
    processes
        .flatten()
        .filter_map(|process| process.file_name().to_str()?.parse::<u32>().ok())
        .filter(|&pid| pid != own && has_open(pid, node))
        .map(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("{} ({pid})", name.trim())
        })
        .collect()
}

fn has_open(pid: u32, node: &Path) -> bool {
    fs::read_dir(format!("/proc/{pid}/fd"))
        .into_iter()
        .flatten()
        .flatten()
        .any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == node))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENTS: &str = "             command  tgid dev master a   uid      magic                 name                   id
                 gdm   701   0   n    y     0          0              <unset>                    4
          Xorg: main  1234   0   y    y     0          1              <unset>                    5
";

    #[test]
    fn the_master_is_read_from_debugfs_even_with_a_blank_in_its_name() {
        assert_eq!(
            master_in(CLIENTS),
            Some(Holder("Xorg: main (process 1234)".into()))
        );
    }

    #[test]
    fn no_master_is_no_holder() {
        assert_eq!(
            master_in(&CLIENTS.replace("0   y    y", "0   n    y")),
            None
        );
        assert_eq!(master_in(""), None);
    }
}
