use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::Errno;

use super::discover::Roots;
use super::memory::Memory;
use crate::{AllocateError, ByteAllocator, Capabilities, Contiguity, DmaBuf, OpenError, uapi};

/// The kernel's `/dev/udmabuf`: a dma-buf made of the pages of a memfd.
///
/// Works where no heap may be opened (systemd gives it to the user at the seat), at a price: no device without an IOMMU
/// takes its scattered pages, and each SYNC walks them all.
#[derive(Debug)]
pub struct Udmabuf {
    fd: OwnedFd,
    parameters: PathBuf,
    memory: Memory,
}

impl Udmabuf {
    /// Opens the device node, normally `/dev/udmabuf`.
    ///
    /// # Errors
    ///
    /// The node cannot be opened; a refusal names the udev rule that helps.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        Self::open_in(path.as_ref(), &Roots::default())
    }

    pub(super) fn open_in(path: &Path, roots: &Roots) -> Result<Self, OpenError> {
        let fd = rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| OpenError::new(Self::NAME, path, "misc", errno.into()))?;
        Ok(Self {
            fd,
            parameters: roots.udmabuf_parameters(),
            memory: Memory::new(roots.meminfo()),
        })
    }

    pub(super) const NAME: &str = "udmabuf";

    /// The largest buffer in bytes. An administrator may change it at any time.
    fn max_len(&self) -> Option<u64> {
        self.parameter("size_limit_mb")?.checked_mul(1 << 20)
    }

    fn parameter(&self, name: &str) -> Option<u64> {
        std::fs::read_to_string(self.parameters.join(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// The kernel says EINVAL to everything; the limits are the only way left to fail.
    fn explain(&self, operation: &'static str, len: u64, errno: Errno) -> AllocateError {
        let allocator = Self::NAME.to_owned();
        match (errno, self.max_len()) {
            (Errno::INVAL, Some(max_len)) if len > max_len => {
                let pieces = self.parameter("list_limit").unwrap_or(0);
                let limit = format!(
                    "{max_len} bytes in {pieces} pieces (size_limit_mb and list_limit in {})",
                    self.parameters.display()
                );
                AllocateError::TooLarge {
                    allocator,
                    len,
                    limit,
                }
            }
            (Errno::NOMEM | Errno::NOSPC, _) => self.memory.scattered_error(Self::NAME, len),
            _ => AllocateError::Failed {
                allocator,
                operation,
                len,
                errno: errno.into(),
            },
        }
    }
}

impl ByteAllocator for Udmabuf {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            contiguity: Contiguity::Scattered,
            cacheable: true,
            mappable: true,
            protected: false,
            max_len: self.max_len(),
        }
    }

    fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError> {
        self.memory.check_scattered(Self::NAME, len)?;
        let page = rustix::param::page_size() as u64;
        let fail = |operation| move |errno| self.explain(operation, len, errno);
        let rounded = len.checked_next_multiple_of(page).unwrap_or(u64::MAX);

        let memfd = sealed_memfd(rounded).map_err(|(operation, errno)| fail(operation)(errno))?;
        let fd = uapi::udmabuf_create(self.fd.as_fd(), memfd.as_fd(), rounded)
            .map_err(fail("UDMABUF_CREATE"))?;
        DmaBuf::from_fd(fd).map_err(|error| AllocateError::NotDmaBuf {
            allocator: Self::NAME.to_owned(),
            error,
        })
    }

    /// The same pages twice, one after the other: wherever they lie, the second time they do not follow the first.
    fn allocate_torn_bytes(&self, len: u64) -> Option<DmaBuf> {
        let page = rustix::param::page_size() as u64;
        let [first, second] = halves(len.div_ceil(page))?.map(|pages| pages * page);
        let memfd = sealed_memfd(first).ok()?;
        let sizes = [first, second];
        let fd = uapi::udmabuf_create_twice(self.fd.as_fd(), memfd.as_fd(), sizes);
        let dmabuf = DmaBuf::from_fd(fd.ok()?).ok()?;
        (dmabuf.len() >= len).then_some(dmabuf)
    }
}

/// A memfd of so many bytes that cannot shrink, as udmabuf wants it; or the call that failed.
fn sealed_memfd(len: u64) -> Result<OwnedFd, (&'static str, Errno)> {
    let at = |operation| move |errno| (operation, errno);
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memfd = memfd_create("dmaheap", flags).map_err(at("memfd_create"))?;
    ftruncate(&memfd, len).map_err(at("ftruncate"))?;
    fcntl_add_seals(&memfd, SealFlags::SHRINK).map_err(at("F_ADD_SEALS"))?;
    Ok(memfd)
}

/// The larger half first; none of a single page.
fn halves(pages: u64) -> Option<[u64; 2]> {
    let first = pages.div_ceil(2);
    (pages > 1).then_some([first, pages - first])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_file(size_limit_mb: &str) -> (tempfile::TempDir, Udmabuf) {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::below(root.path());
        std::fs::create_dir_all(roots.udmabuf_parameters()).unwrap();
        std::fs::write(
            roots.udmabuf_parameters().join("size_limit_mb"),
            size_limit_mb,
        )
        .unwrap();
        std::fs::write(roots.udmabuf_parameters().join("list_limit"), "1024\n").unwrap();
        let path = root.path().join("udmabuf");
        std::fs::write(&path, "").unwrap();
        let udmabuf = Udmabuf::open_in(&path, &roots).unwrap();
        (root, udmabuf)
    }

    #[test]
    fn the_limit_of_the_module_is_a_capability() {
        let (_root, udmabuf) = on_a_file("64\n");
        assert_eq!(udmabuf.capabilities().max_len, Some(64 << 20));
    }

    #[test]
    fn einval_beyond_the_limit_names_the_parameter() {
        let (_root, udmabuf) = on_a_file("64\n");
        let text = udmabuf
            .explain("UDMABUF_CREATE", 65 << 20, Errno::INVAL)
            .to_string();
        assert!(
            text.contains("68157440 bytes: it takes at most 67108864"),
            "{text}"
        );
        assert!(
            text.contains("size_limit_mb") && text.contains("1024 pieces"),
            "{text}"
        );
    }

    #[test]
    fn torn_memory_has_all_its_pages_and_a_joint() {
        for pages in 2..100 {
            let [first, second] = halves(pages).unwrap();
            assert_eq!(first + second, pages);
            assert!((1..=first).contains(&second), "{pages}");
        }
        assert_eq!([halves(0), halves(1)], [None, None]);
    }

    #[test]
    fn einval_within_the_limit_is_not_blamed_on_it() {
        let (_root, udmabuf) = on_a_file("64\n");
        let error = udmabuf.explain("UDMABUF_CREATE", 4096, Errno::INVAL);
        assert!(matches!(
            error,
            AllocateError::Failed {
                operation: "UDMABUF_CREATE",
                ..
            }
        ));
    }
}
