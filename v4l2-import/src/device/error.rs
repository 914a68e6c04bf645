use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::Queue;

/// A V4L2 device that could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// EACCES: the node belongs to a group that this process is not in, or to root alone.
    #[error("no permission to open {}{owner}: {errno}; {remedy}", path.display())]
    Permission {
        /// The node.
        path: PathBuf,
        /// Owner, group and mode of the node, where they can be read.
        owner: String,
        /// What the user can do.
        remedy: String,
        /// What the kernel said.
        errno: io::Error,
    },
    /// Any other error.
    #[error("cannot open {}: {errno}{remedy}", path.display())]
    Open {
        /// The node.
        path: PathBuf,
        /// What the user can do, where that is known.
        remedy: &'static str,
        /// What the kernel said.
        errno: io::Error,
    },
    /// The file is no V4L2 device.
    #[error("{} is no V4L2 device: VIDIOC_QUERYCAP: {errno}; name a node such as /dev/video0", path.display())]
    NotV4l2 {
        /// The file.
        path: PathBuf,
        /// What the kernel said.
        errno: io::Error,
    },
}

impl OpenError {
    pub(super) fn new(path: &Path, errno: io::Error) -> Self {
        let path = path.to_owned();
        if errno.kind() != io::ErrorKind::PermissionDenied {
            let remedy = match errno.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOENT) => "; is the driver loaded and the device connected?",
                Some(Errno::NODEV | Errno::NXIO) => {
                    "; the device was unplugged or its driver unbound"
                }
                Some(Errno::BUSY) => {
                    "; another program has it open, and this driver lets only one in"
                }
                _ => "",
            };
            return Self::Open {
                path,
                remedy,
                errno,
            };
        }
        let (owner, remedy) = match path.metadata() {
            Ok(node) => (describe(&node), remedy(&path, node.gid(), node.mode())),
            Err(_unreadable) => (String::new(), remedy(&path, 0, 0)),
        };
        Self::Permission {
            path,
            owner,
            remedy,
            errno,
        }
    }

    /// Whoever was asked for a file said why there is none.
    pub(crate) fn from_caller(errno: io::Error) -> Self {
        Self::new(Path::new("the device"), errno)
    }

    /// The file that was to be opened.
    pub fn path(&self) -> &Path {
        match self {
            Self::Permission { path, .. }
            | Self::Open { path, .. }
            | Self::NotV4l2 { path, .. } => path,
        }
    }
}

fn describe(node: &std::fs::Metadata) -> String {
    format!(
        " (mode {:04o} of user {} and group {})",
        node.mode() & 0o7777,
        node.uid(),
        node.gid()
    )
}

/// A node that some group may use wants membership; one that is root's alone wants a udev rule first.
fn remedy(path: &Path, group: u32, mode: u32) -> String {
    const GROUP_READS_AND_WRITES: u32 = 0o060;
    if group != 0 && mode & GROUP_READS_AND_WRITES == GROUP_READS_AND_WRITES {
        return format!(
            "be a member of its group, usually video: run \"usermod -aG $(stat -c %G {}) $USER\" as root and log in again",
            path.display()
        );
    }
    "add the udev rule SUBSYSTEM==\"video4linux\", GROUP=\"video\", MODE=\"0660\" to /etc/udev/rules.d/60-dmaheap.rules, \
     run \"udevadm control --reload && udevadm trigger\" as root, and be a member of the group video"
        .to_owned()
}

/// A question to a V4L2 device, or a change, that the device refused.
#[derive(Debug, thiserror::Error)]
#[error("{device}{}: {operation} of {subject}: {errno}", queue.map(|queue| format!(", {queue}")).unwrap_or_default())]
pub struct DeviceError {
    /// As in `camera vivid (/dev/video0)`.
    pub device: String,
    /// The queue, where it is about one.
    pub queue: Option<Queue>,
    /// The ioctl.
    pub operation: &'static str,
    /// What it was about: a format, a size.
    pub subject: String,
    /// What the kernel said.
    pub errno: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(mode: u32) -> String {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("video0");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        OpenError::new(&path, Errno::ACCESS.into()).to_string()
    }

    #[test]
    fn a_node_of_root_alone_wants_a_rule() {
        let text = refused(0o600);
        for part in [
            "mode 0600",
            "SUBSYSTEM==\"video4linux\", GROUP=\"video\", MODE=\"0660\"",
            "Permission denied",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn a_node_of_a_group_wants_membership() {
        let text = remedy(Path::new("/dev/video0"), 44, 0o20660);
        assert!(
            text.contains("usermod -aG $(stat -c %G /dev/video0) $USER"),
            "{text}"
        );
    }

    #[test]
    fn other_errors_say_what_they_usually_mean() {
        let text =
            |errno: Errno| OpenError::new(Path::new("/dev/video9"), errno.into()).to_string();
        assert!(text(Errno::NOENT).contains("is the driver loaded"));
        assert!(text(Errno::NODEV).contains("unplugged"));
    }
}
