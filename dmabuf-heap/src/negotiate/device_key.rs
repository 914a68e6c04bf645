use std::io;
use std::os::fd::AsFd;

use rustix::fs::FileType;

/// Which device an open device node belongs to.
///
/// The number alone says too little: a device that was unplugged leaves it to the next one. devtmpfs makes the node anew
/// on every hot-plug, so the inode and its change time tell the two apart. A change of owner or mode makes another key,
/// too; what was remembered is then learnt once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceKey {
    /// `st_rdev`.
    number: u64,
    /// `st_ino` of the node.
    inode: u64,
    /// `st_ctim` of the node in seconds and nanoseconds.
    changed: (i64, u64),
    /// What of the device it is about; none for all of it.
    part: Option<u32>,
}

impl DeviceKey {
    /// The device behind an open node.
    ///
    /// # Errors
    ///
    /// The kernel cannot say (`fstat`), or the fd is no character device.
    pub fn of(fd: impl AsFd) -> io::Result<Self> {
        let stat = rustix::fs::fstat(fd)?;
        if !FileType::from_raw_mode(stat.st_mode).is_char_device() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "this file is no character device",
            ));
        }
        Ok(Self {
            number: stat.st_rdev,
            inode: stat.st_ino,
            changed: (stat.st_ctime, stat.st_ctime_nsec),
            part: None,
        })
    }

    /// A device that nobody needs to have.
    #[cfg(test)]
    pub(crate) const fn stand_in(number: u64, inode: u64) -> Self {
        Self {
            number,
            inode,
            changed: (0, 0),
            part: None,
        }
    }

    /// A part of the device that answers for itself, such as one CRTC of a card, by its number there.
    #[must_use]
    pub const fn part(self, id: u32) -> Self {
        Self {
            part: Some(id),
            ..self
        }
    }

    /// The device that this is a part of.
    #[must_use]
    pub const fn whole(self) -> Self {
        Self { part: None, ..self }
    }

    /// The major number, as in `/sys/dev/char/<major>:<minor>`.
    pub fn major(self) -> u32 {
        rustix::fs::major(self.number)
    }

    /// The minor number, as in `/sys/dev/char/<major>:<minor>`.
    pub fn minor(self) -> u32 {
        rustix::fs::minor(self.number)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn two_fds_of_one_node_have_one_key() {
        let key = || DeviceKey::of(File::open("/dev/null").unwrap()).unwrap();
        assert_eq!(key(), key());
        assert_eq!((key().major(), key().minor()), (1, 3));
    }

    #[test]
    fn two_nodes_have_two_keys() {
        let key = |path| DeviceKey::of(File::open(path).unwrap()).unwrap();
        assert_ne!(key("/dev/null"), key("/dev/zero"));
    }

    #[test]
    fn parts_of_one_device_have_keys_of_their_own() {
        let card = DeviceKey::stand_in(1, 2);
        assert_ne!(card.part(40), card.part(41));
        assert_ne!(card.part(40), card);
        assert_eq!(card.part(40).whole(), card);
    }

    #[test]
    fn a_plain_file_is_no_device() {
        let error = DeviceKey::of(tempfile::tempfile().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
