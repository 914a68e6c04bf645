//! File descriptors that reach us as numbers in a property.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

/// A duplicate of an application's descriptor, which stays the application's.
///
/// # Errors
///
/// The number is negative or no open descriptor.
pub(crate) fn duplicate(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(rustix::io::Errno::BADF.into());
    }
    // SAFETY: the number is not -1, the one value that BorrowedFd forbids. Whether it is open is the kernel's to say: it
    // is only passed to one `fcntl`, which fails with EBADF for a closed one.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    fd.try_clone_to_owned()
}

#[cfg(test)]
mod tests {
    use super::duplicate;

    #[test]
    fn a_number_that_is_no_descriptor_is_refused() {
        assert!(duplicate(-1).is_err());
        assert!(duplicate(i32::MAX).is_err());
    }

    #[test]
    fn the_original_stays_open() {
        use std::os::fd::AsRawFd;
        let file = tempfile_like();
        drop(duplicate(file.as_raw_fd()).expect("an open file"));
        assert!(file.metadata().is_ok());
    }

    fn tempfile_like() -> std::fs::File {
        std::fs::File::open("/proc/self/exe").expect("this program")
    }
}
