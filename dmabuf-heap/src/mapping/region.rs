//! The mapped memory itself, and every copy in and out of it.
#![expect(
    unsafe_code,
    reason = "maps shared memory and copies bytes in and out of it"
)]

use std::io;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::uapi::{SyncFlags, dma_buf_sync};
use crate::{DmaBuf, DmaBufId, MapError};

/// One dma-buf, mapped from its first byte to its last.
///
/// The functions that copy take an offset and panic when the bytes do not lie inside: their callers have checked against
/// the layout, and a frame keeps its planes inside its dma-bufs.
#[derive(Debug)]
pub(super) struct Region {
    dmabuf: Arc<DmaBuf>,
    base: NonNull<u8>,
    len: usize,
    is_writable: bool,
}

// SAFETY: a mapping belongs to the process, not to a thread. Within one `Mapping` shared access only reads and exclusive
// access is needed to write; two mappings of a dma-buf are different memory to Rust, as other processes and devices are.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    pub(super) fn map(dmabuf: &Arc<DmaBuf>) -> Result<Self, MapError> {
        let error = |errno: io::Error| MapError::Map {
            inode: dmabuf.id().inode,
            len: dmabuf.len(),
            errno,
        };
        let no_room = || error(io::ErrorKind::OutOfMemory.into());
        let len = usize::try_from(dmabuf.len()).map_err(|_beyond_address_space| no_room())?;
        let flags = rustix::fs::fcntl_getfl(dmabuf).map_err(|errno| error(errno.into()))?;
        let is_writable = flags & OFlags::ACCMODE == OFlags::RDWR;
        let protection = if is_writable {
            ProtFlags::READ | ProtFlags::WRITE
        } else {
            ProtFlags::READ
        };
        // SAFETY: the kernel chooses a free range of addresses, so no memory that Rust knows of is replaced.
        let base = unsafe {
            mmap(
                ptr::null_mut(),
                len,
                protection,
                MapFlags::SHARED,
                dmabuf,
                0,
            )
        }
        .map_err(|errno| error(errno.into()))?;
        let base = NonNull::new(base.cast()).ok_or_else(no_room)?;
        Ok(Self {
            dmabuf: dmabuf.clone(),
            base,
            len,
            is_writable,
        })
    }

    pub(super) fn id(&self) -> DmaBufId {
        self.dmabuf.id()
    }

    /// Bytes.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_writable(&self) -> bool {
        self.is_writable
    }

    pub(super) fn sync(&self, flags: SyncFlags) -> Result<(), MapError> {
        dma_buf_sync(self.dmabuf.as_fd(), flags).map_err(|errno| MapError::Sync {
            edge: if flags.contains(SyncFlags::END) {
                "END"
            } else {
                "START"
            },
            direction: if flags.contains(SyncFlags::WRITE) {
                "write"
            } else {
                "read"
            },
            inode: self.id().inode,
            errno: errno.into(),
        })
    }

    /// The start of `len` bytes at `offset`, which lie inside the mapping.
    pub(super) fn start(&self, offset: usize, len: usize) -> NonNull<u8> {
        let is_inside = offset.checked_add(len).is_some_and(|end| end <= self.len);
        assert!(
            is_inside,
            "{len} bytes at {offset} lie in the {} bytes of the dma-buf",
            self.len
        );
        // SAFETY: offset is at most the length of the mapping, which is one allocation.
        unsafe { self.base.add(offset) }
    }

    /// Bytes that a device changes meanwhile come out old or new.
    pub(super) fn copy_out(&self, offset: usize, to: &mut [u8]) {
        let from = self.start(offset, to.len());
        // SAFETY: `start` proved `to.len()` mapped bytes at `from`; `to` is memory of Rust, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), to.len()) };
    }

    /// The caller has exclusive access to the mapping.
    pub(super) fn copy_in(&self, offset: usize, from: &[u8]) {
        let to = self.start_writable(offset, from.len());
        // SAFETY: `start` proved `from.len()` mapped bytes at `to`; `from` is memory of Rust, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_ptr(), from.len()) };
    }

    /// The caller has exclusive access to the mapping.
    pub(super) fn fill(&self, offset: usize, len: usize, byte: u8) {
        let to = self.start_writable(offset, len);
        // SAFETY: `start` proved `len` mapped bytes at `to`.
        unsafe { ptr::write_bytes(to.as_ptr(), byte, len) };
    }

    /// Writes the cache line at `offset` back to memory, past all caches, where devices are not coherent.
    #[cfg(target_arch = "aarch64")]
    pub(super) fn write_back(&self, offset: usize) {
        let line = self.start(offset, 1);
        // SAFETY: cleaning a line changes no content; `start` proved that the address is mapped, and Linux lets programs
        // use this instruction (SCTLR_EL1.UCI).
        unsafe {
            std::arch::asm!("dc cvac, {}", "dsb sy", in(reg) line.as_ptr(), options(nostack));
        }
    }

    /// Caches are coherent with devices, or nobody may rely on this.
    #[cfg(not(target_arch = "aarch64"))]
    pub(super) fn write_back(&self, offset: usize) {
        debug_assert!(offset < self.len);
    }

    /// The caller has exclusive access to this mapping, and shared access to the other.
    pub(super) fn copy_from(&self, offset: usize, other: &Self, other_offset: usize, len: usize) {
        let to = self.start_writable(offset, len);
        let from = other.start(other_offset, len);
        // SAFETY: `start` proved `len` mapped bytes at both; `copy` allows them to be the same memory.
        unsafe { ptr::copy(from.as_ptr(), to.as_ptr(), len) };
    }

    fn start_writable(&self, offset: usize, len: usize) -> NonNull<u8> {
        assert!(self.is_writable, "writing begins on writable mappings only");
        self.start(offset, len)
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: `map` mapped this very range, and whatever points into it borrows the region.
        if let Err(errno) = unsafe { munmap(self.base.as_ptr().cast(), self.len) } {
            tracing::error!(inode = self.id().inode, %errno, "cannot unmap a dma-buf");
        }
    }
}
