use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::discover::Roots;
use super::heap_name;
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
    meminfo: PathBuf,
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
            meminfo: roots.meminfo(),
        })
    }

    fn no_memory_hint(&self) -> String {
        let free = |key| meminfo_kib(&self.meminfo, key);
        match self.capabilities.contiguity {
            Contiguity::Contiguous => match (free("CmaFree"), free("CmaTotal")) {
                (Some(free), Some(total)) => format!(
                    " ({free} of {total} KiB of contiguous memory are free, in pieces that may each be too small; \
                     raise cma= on the kernel command line, or use fewer or smaller buffers)"
                ),
                _ => String::new(),
            },
            _ => match (free("MemAvailable"), free("MemTotal")) {
                (Some(free), Some(total)) => format!(" ({free} of {total} KiB are available)"),
                _ => String::new(),
            },
        }
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
        let allocator = || self.name.clone();
        let fd = uapi::dma_heap_alloc(self.fd.as_fd(), len).map_err(|errno| match errno {
            Errno::NOMEM => AllocateError::NoMemory {
                allocator: allocator(),
                len,
                hint: self.no_memory_hint(),
                errno: errno.into(),
            },
            _ => AllocateError::Failed {
                allocator: allocator(),
                operation: "DMA_HEAP_IOCTL_ALLOC",
                len,
                errno: errno.into(),
            },
        })?;
        DmaBuf::from_fd(fd).map_err(|error| AllocateError::NotDmaBuf {
            allocator: allocator(),
            error,
        })
    }
}

/// A line of `/proc/meminfo`.
fn meminfo_kib(path: &Path, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meminfo_is_read_by_whole_keys() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            file.path(),
            "CmaTotal:          65536 kB\nCmaFree:            1024 kB\n",
        )
        .unwrap();
        assert_eq!(meminfo_kib(file.path(), "CmaFree"), Some(1024));
        assert_eq!(meminfo_kib(file.path(), "CmaTotal"), Some(65536));
        assert_eq!(meminfo_kib(file.path(), "Cma"), None);
        assert_eq!(meminfo_kib(Path::new("/nonexistent"), "CmaFree"), None);
    }

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
