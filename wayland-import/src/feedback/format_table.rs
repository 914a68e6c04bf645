//! The format table that a compositor hands over as a file.
#![expect(unsafe_code, reason = "maps a file of the compositor to read it")]

use std::io;
use std::os::fd::AsFd;
use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Reads the first `len` bytes of the table.
///
/// linux-dmabuf asks clients to map it, read-only and private: a compositor may share one sealed file among all of them.
///
/// # Errors
///
/// The file is shorter than the compositor says, or cannot be mapped.
pub(crate) fn read(table: impl AsFd, len: usize) -> io::Result<Vec<u8>> {
    let size = rustix::fs::fstat(&table)?.st_size;
    if u64::try_from(size).unwrap_or(0) < len as u64 {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            format!("the file has {size} bytes, the compositor announced {len}"),
        ));
    }
    if len == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the kernel chooses the address, so no memory of ours is replaced.
    let start = unsafe {
        mmap(
            ptr::null_mut(),
            len,
            ProtFlags::READ,
            MapFlags::PRIVATE,
            table,
            0,
        )
    }?;
    let mut bytes = vec![0_u8; len];
    // SAFETY: both are `len` bytes long and cannot overlap, for the vector was allocated while the mapping stood. The
    // bytes are copied, never referred to, so that a compositor which writes to them changes no value of ours. A file cut
    // short after the check above would end this process with SIGBUS; the check and the trust in the compositor that has
    // our window are what protects from that, as in every client.
    unsafe { ptr::copy_nonoverlapping(start.cast::<u8>(), bytes.as_mut_ptr(), len) };
    // SAFETY: it was mapped above with this length, and nothing refers to it.
    unsafe { munmap(start, len) }?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

    #[test]
    fn a_table_is_read_as_far_as_it_was_announced() {
        let file = memfd_create("table", MemfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&file, b"0123456789").unwrap();
        assert_eq!(read(&file, 4).unwrap(), b"0123");
        assert_eq!(read(&file, 0).unwrap(), b"");
    }

    #[test]
    fn a_file_shorter_than_announced_is_refused_with_both_sizes() {
        let file = memfd_create("table", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&file, 16).unwrap();
        let text = read(&file, 32).unwrap_err().to_string();
        assert!(text.contains("16 bytes") && text.contains("32"), "{text}");
    }

    #[test]
    fn what_cannot_be_mapped_is_an_error() {
        let (pipe, _other) = rustix::pipe::pipe().unwrap();
        assert!(read(&pipe, 16).is_err());
    }
}
