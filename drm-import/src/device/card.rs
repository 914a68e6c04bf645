use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use drm::control::{
    AtomicCommitFlags, Device as _, RawResourceHandle, atomic::AtomicModeReq, property,
};
use drm::{Device as _, DriverCapability};
use rustix::io::Errno;

use crate::property::PropertyInfos;

/// An open card: the file descriptor and the name that errors call it by.
///
/// Framebuffers hold it too, so it is closed only when the last of them is.
pub(crate) struct Card {
    fd: OwnedFd,
    name: String,
    property_infos: PropertyInfos,
}

/// One property of one object and the value it shall get.
pub(crate) type Change = (RawResourceHandle, property::Handle, u64);

impl Card {
    pub(crate) fn new(fd: OwnedFd, name: String) -> Card {
        Card {
            fd,
            name,
            property_infos: PropertyInfos::default(),
        }
    }

    pub(crate) fn property_infos(&self) -> &PropertyInfos {
        &self.property_infos
    }

    /// Whether the device answers that it is no more.
    pub(crate) fn is_gone(&self) -> bool {
        let answer = self.get_driver_capability(DriverCapability::Prime);
        matches!(answer, Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()))
    }

    /// Commits `changes` at once or not at all; restarted when a signal interrupts it.
    pub(crate) fn commit(&self, changes: &[Change], flags: AtomicCommitFlags) -> io::Result<()> {
        loop {
            let mut request = AtomicModeReq::new();
            for &(object, property, value) in changes {
                request.add_raw_property(object, property, value);
            }
            match self.atomic_commit(flags, request) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl drm::Device for Card {}
impl drm::control::Device for Card {}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Card").field(&self.name).finish()
    }
}
