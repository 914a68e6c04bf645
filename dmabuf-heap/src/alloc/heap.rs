use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::discover::Roots;
use super::heap_name;
use super::memory::Memory;
use crate::{AllocateError, ByteAllocator, Capabilities, Contiguity, DmaBuf, OpenError, uapi};

/// An open dma-buf heap of the kernel.
///
/// Heaps have no question that could be asked of them: what the memory is like follows from the documented rules for
/// names. See `Documentation/userspace-api/dma-buf-heaps.rst`.
#[derive(Debug)]
pub struct Heap {
    name: String,
    fd: OwnedFd,
    capabilities: Capabilities,
    memory: Memory,
}

impl Heap {
    /// Opens a heap by its device node, such as `/dev/dma_heap/system`.
    ///
    /// # Errors
    ///
    /// The node cannot be opened; a refusal names the udev rule that helps.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_in(path.as_ref(), &Roots::default())
    }

    pub(super) fn open_in(path: &Path, roots: &Roots) -> Result<Self, OpenError> {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        // Allocation needs no write access to the node, so that a reader's permission is enough.
        let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| OpenError::new(&name, path, "dma_heap", errno.into()))?;
        let capabilities = heap_name::capabilities(&name, &roots.device_tree());
        Ok(Self {
            name,
            fd,
            capabilities,
            memory: Memory::new(roots.meminfo()),
        })
    }
}

impl ByteAllocator for Heap {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError> {
        let is_contiguous = self.capabilities.contiguity == Contiguity::Contiguous;
        if !is_contiguous {
            self.memory.check_scattered(&self.name, len)?;
        }
        let fd = uapi::dma_heap_alloc(self.fd.as_fd(), len).map_err(|errno| match errno {
            Errno::NOMEM if is_contiguous => self.memory.contiguous_error(&self.name, len),
            Errno::NOMEM => self.memory.scattered_error(&self.name, len),
            _ => AllocateError::Failed {
                allocator: self.name.clone(),
                operation: "DMA_HEAP_IOCTL_ALLOC",
                len,
                errno: errno.into(),
            },
        })?;
        DmaBuf::from_fd(fd).map_err(|error| AllocateError::NotDmaBuf {
            allocator: self.name.clone(),
            error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_heap_fails_at_the_ioctl() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("system");
        std::fs::write(&path, "").unwrap();
        let error = Heap::open(&path).unwrap().allocate_bytes(4096).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("system") && text.contains("DMA_HEAP_IOCTL_ALLOC"),
            "{text}"
        );
        assert!(text.contains("4096 bytes"), "{text}");
    }
}
