use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A device node of an allocator that could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no directory of heaps at all.
    #[error(
        "there are no dma-buf heaps: cannot list {}: {errno}; the kernel needs CONFIG_DMABUF_HEAPS with \
         CONFIG_DMABUF_HEAPS_SYSTEM or CONFIG_DMABUF_HEAPS_CMA, and a container needs {} passed in",
        path.display(), path.display()
    )]
    NoHeaps {
        /// The directory.
        path: PathBuf,
        /// What the kernel said.
        errno: io::Error,
    },
    /// EACCES: the kernel makes these nodes for root alone.
    #[error(
        "no permission to open {name} ({}{owner}): {errno}; add the udev rule \
         SUBSYSTEM==\"{subsystem}\", KERNEL==\"{name}\", GROUP=\"video\", MODE=\"0660\" \
         to /etc/udev/rules.d/60-dmaheap.rules, run \"udevadm control --reload && udevadm trigger\" as root, \
         and be a member of the group video",
        path.display()
    )]
    Permission {
        /// Name of the allocator, which is the kernel's name of the device.
        name: String,
        /// The device node.
        path: PathBuf,
        /// Owner, group and mode of the node, where they can be read.
        owner: String,
        /// The udev subsystem.
        subsystem: &'static str,
        /// What the kernel said.
        errno: io::Error,
    },
    /// Any other error.
    #[error("cannot open {name} ({}): {errno}", path.display())]
    Open {
        /// Name of the allocator.
        name: String,
        /// The device node.
        path: PathBuf,
        /// What the kernel said.
        errno: io::Error,
    },
}

impl OpenError {
    pub(super) fn new(name: &str, path: &Path, subsystem: &'static str, errno: io::Error) -> Self {
        let (name, path) = (name.to_owned(), path.to_owned());
        if errno.kind() != io::ErrorKind::PermissionDenied {
            return Self::Open { name, path, errno };
        }
        let owner = match path.metadata() {
            Ok(node) => {
                format!(
                    ", mode {:04o} of user {} and group {}",
                    node.mode() & 0o7777,
                    node.uid(),
                    node.gid()
                )
            }
            Err(_unreadable) => String::new(),
        };
        Self::Permission {
            name,
            path,
            owner,
            subsystem,
            errno,
        }
    }

    /// The device node or directory.
    pub fn path(&self) -> &Path {
        match self {
            Self::NoHeaps { path, .. }
            | Self::Permission { path, .. }
            | Self::Open { path, .. } => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_heap_names_mode_rule_and_group() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("system");
        std::fs::write(&path, "").unwrap();
        let refused = io::Error::from_raw_os_error(rustix::io::Errno::ACCESS.raw_os_error());
        let text = OpenError::new("system", &path, "dma_heap", refused).to_string();
        for part in [
            "SUBSYSTEM==\"dma_heap\", KERNEL==\"system\", GROUP=\"video\", MODE=\"0660\"",
            "os error 13",
            path.to_str().unwrap(),
            "mode 0",
            "member of the group video",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}
