//! Memory of a driver, mapped (`V4L2_MEMORY_MMAP`), and every copy in and out of it.
#![expect(
    unsafe_code,
    reason = "maps memory that a device shares, and copies bytes in and out of it"
)]

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Bytes that cannot be copied in or out of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The buffer is a dma-buf, or has no such plane.
    #[error(
        "plane {plane} of buffer {buffer} is not mapped: map the queue's buffers, or map the frame of this one"
    )]
    NotMapped {
        /// Number of the buffer.
        buffer: u32,
        /// Number of the plane.
        plane: usize,
    },
    /// The bytes reach beyond the end.
    #[error("{len} bytes at offset {offset} reach beyond the {mapped} bytes of the buffer")]
    OutOfBounds {
        /// Bytes.
        offset: usize,
        /// Bytes.
        len: usize,
        /// Bytes.
        mapped: usize,
    },
}

/// One plane of one buffer, unmapped when dropped.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread. Only `Buffer` reads and writes it: there is one for each buffer that
// the device does not have, reading needs it shared and writing exclusive.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `len` bytes at the offset that `VIDIOC_QUERYBUF` told.
    pub(crate) fn new(device: BorrowedFd<'_>, len: u32, offset: u32) -> io::Result<Self> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let (address, flags) = (ptr::null_mut(), MapFlags::SHARED);
        // SAFETY: the kernel chooses a free range of addresses, so no memory that Rust knows of is replaced.
        let base = unsafe { mmap(address, len, protection, flags, device, offset.into()) }?;
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len })
    }

    pub(crate) fn read(&self, offset: usize, bytes: &mut [u8]) -> Result<(), MapError> {
        let source = self.at(offset, bytes.len())?;
        // SAFETY: `at` has checked that so many bytes from there are mapped; `bytes` is Rust's own memory, never a mapping.
        unsafe { ptr::copy_nonoverlapping(source.as_ptr(), bytes.as_mut_ptr(), bytes.len()) };
        Ok(())
    }

    pub(crate) fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), MapError> {
        let target = self.at(offset, bytes.len())?;
        // SAFETY: as in `read`; no reference to the mapping exists anywhere, and the one `Buffer` that stands for it is borrowed
        // exclusively by who writes.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), target.as_ptr(), bytes.len()) };
        Ok(())
    }

    fn at(&self, offset: usize, len: usize) -> Result<NonNull<u8>, MapError> {
        let end = offset.checked_add(len);
        if end.is_none_or(|end| end > self.len) {
            return Err(MapError::OutOfBounds {
                offset,
                len,
                mapped: self.len,
            });
        }
        // SAFETY: the offset lies inside the mapping, as just checked.
        Ok(unsafe { self.base.add(offset) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: base and length are those that mmap gave; nothing refers to the mapping, which only this owns.
        if let Err(error) = unsafe { munmap(self.base.as_ptr().cast(), self.len) } {
            tracing::error!(%error, len = self.len, "a buffer cannot be unmapped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn bytes_go_in_and_out_and_never_beyond() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(4096).unwrap();
        let mapping = Mapping::new(file.as_fd(), 4096, 0).unwrap();
        mapping.write(4092, &[1, 2, 3, 4]).unwrap();
        let mut bytes = [0; 5];
        mapping.read(4091, &mut bytes).unwrap();
        assert_eq!(bytes, [0, 1, 2, 3, 4]);
        for (offset, len) in [(4092, 5), (4097, 0), (usize::MAX, 2)] {
            let error = mapping.read(offset, &mut vec![0; len]).unwrap_err();
            assert_eq!(
                error,
                MapError::OutOfBounds {
                    offset,
                    len,
                    mapped: 4096
                }
            );
        }
    }
}
