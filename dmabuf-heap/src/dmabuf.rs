//! One kernel dma-buf: its fd, its length and its identity.
//!
//! An fd number says nothing about which buffer it is: it is reused, and duplicates have numbers of their own. The inode
//! does: every dma-buf has its own on the kernel's dma-buf file system. It is read once, so that nothing has to ask the
//! kernel again for each frame.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use rustix::fs::SeekFrom;

use crate::{Error, uapi};

/// What tells two dma-bufs apart, whatever fd they are known by. Unique among the dma-bufs that are alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DmaBufId {
    /// `st_dev`: the kernel's dma-buf file system.
    pub device: u64,
    /// `st_ino`: the buffer.
    pub inode: u64,
}

/// A kernel dma-buf, open in this process.
///
/// Shared as `Arc<DmaBuf>`. Caches that hold imports of it (framebuffers, Wayland buffers) keep no reference; they ask
/// for a call when it goes, by [`on_close`](Self::on_close).
pub struct DmaBuf {
    fd: OwnedFd,
    len: u64,
    id: DmaBufId,
    hooks: Mutex<Vec<CloseHook>>,
    /// Last, so that accounts are settled when the fd is closed.
    companions: Mutex<Vec<Box<dyn Send>>>,
}

type CloseHook = Box<dyn FnOnce(DmaBufId) + Send>;

impl DmaBuf {
    /// Takes over an fd after checking that it is a dma-buf; reads its length and identity once.
    ///
    /// # Errors
    ///
    /// The fd is no dma-buf, or the kernel cannot say. The fd is closed then; who wants to keep it asks
    /// [`is_dmabuf`](Self::is_dmabuf) first.
    pub fn from_fd(fd: OwnedFd) -> Result<Self, Error> {
        let number = fd.as_raw_fd();
        let failed = |(call, errno): (_, rustix::io::Errno)| Error::Inspect {
            fd: number,
            call,
            errno: errno.into(),
        };
        let magic = file_system_magic(fd.as_fd()).map_err(|errno| failed(("fstatfs", errno)))?;
        if magic != uapi::DMA_BUF_MAGIC {
            return Err(Error::NotDmaBuf { fd: number, magic });
        }
        Self::inspect(fd).map_err(failed)
    }

    /// Whether an fd is a dma-buf.
    ///
    /// # Errors
    ///
    /// The kernel cannot say.
    pub fn is_dmabuf(fd: impl AsFd) -> std::io::Result<bool> {
        Ok(file_system_magic(fd.as_fd())? == uapi::DMA_BUF_MAGIC)
    }

    /// Bytes; whole pages.
    #[expect(
        clippy::len_without_is_empty,
        reason = "the kernel makes no empty dma-buf"
    )]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// The identity, the same for every fd of this buffer.
    pub const fn id(&self) -> DmaBufId {
        self.id
    }

    /// Who made the memory, by the name its driver has for itself (`system`, `udmabuf`); `None` if `/proc` does not tell.
    ///
    /// Opens and reads a file each time. See `exp_name` in the kernel's `Documentation/filesystems/proc.rst`.
    pub fn exporter(&self) -> Option<String> {
        let path = format!("/proc/self/fdinfo/{}", self.fd.as_raw_fd());
        let exporter = parse_exporter(&std::fs::read_to_string(path).ok()?);
        if cfg!(any(test, feature = "stand-ins")) {
            return exporter.or_else(|| Some("stand-in".to_owned()));
        }
        exporter
    }

    /// Names the buffer in `/sys/kernel/debug/dma_buf/bufinfo` and `/proc/<pid>/fdinfo`, cut to the 31 bytes that
    /// the kernel takes.
    ///
    /// # Errors
    ///
    /// The kernel refuses (Linux before 5.3). Nothing depends on the name.
    pub fn set_name(&self, name: &str) -> Result<(), Error> {
        let name = name.replace('\0', "");
        let name = &name[..name.floor_char_boundary(uapi::DMA_BUF_NAME_MAX)];
        let mut bytes = name.as_bytes().to_vec();
        bytes.push(0);
        let text = std::ffi::CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
        uapi::dma_buf_set_name(self.fd.as_fd(), text).map_err(|errno| Error::SetName {
            inode: self.id.inode,
            name: name.to_owned(),
            errno: errno.into(),
        })
    }

    /// Runs `hook` when this object is dropped, before the fd is closed and outside any lock. Import caches evict here.
    pub fn on_close(&self, hook: impl FnOnce(DmaBufId) + Send + 'static) {
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.push(Box::new(hook));
    }

    /// A memfd that passes for a dma-buf, so that bookkeeping is tested on machines without any.
    #[cfg(any(test, feature = "stand-ins"))]
    #[doc(hidden)]
    pub fn stand_in(len: u64) -> std::io::Result<Self> {
        use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

        let memfd = memfd_create("stand-in", MemfdFlags::CLOEXEC)?;
        ftruncate(&memfd, len)?;
        Self::inspect(memfd).map_err(|(_, errno)| errno.into())
    }

    /// Reads what never changes, once.
    fn inspect(fd: OwnedFd) -> Result<Self, (&'static str, rustix::io::Errno)> {
        let stat = rustix::fs::fstat(&fd).map_err(|errno| ("fstat", errno))?;
        let len = rustix::fs::seek(&fd, SeekFrom::End(0)).map_err(|errno| ("lseek", errno))?;
        let id = DmaBufId {
            device: stat.st_dev,
            inode: stat.st_ino,
        };
        Ok(Self {
            fd,
            len,
            id,
            hooks: Mutex::default(),
            companions: Mutex::default(),
        })
    }

    /// Keeps a value until the fd is closed: the entry in a ledger.
    pub(crate) fn keep(&self, companion: impl Send + 'static) {
        let mut companions = self
            .companions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        companions.push(Box::new(companion));
    }
}

impl AsFd for DmaBuf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for DmaBuf {
    fn drop(&mut self) {
        let hooks = std::mem::take(self.hooks.get_mut().unwrap_or_else(PoisonError::into_inner));
        for hook in hooks {
            if catch_unwind(AssertUnwindSafe(|| hook(self.id))).is_err() {
                tracing::error!(inode = self.id.inode, "a close hook of a dma-buf panicked");
            }
        }
    }
}

impl fmt::Debug for DmaBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DmaBuf")
            .field("fd", &self.fd.as_raw_fd())
            .field("len", &self.len)
            .field("inode", &self.id.inode)
            .finish_non_exhaustive()
    }
}

fn parse_exporter(fdinfo: &str) -> Option<String> {
    let exporter = fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("exp_name:"))?;
    Some(exporter.trim().to_owned())
}

fn file_system_magic(fd: BorrowedFd<'_>) -> rustix::io::Result<u64> {
    let magic = rustix::fs::fstatfs(fd)?.f_type;
    // The field's type differs between machines; the magic fits in all of them.
    Ok(u64::try_from(magic).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use rustix::fs::{MemfdFlags, memfd_create};

    use super::*;

    #[test]
    fn the_exporter_is_read_from_the_kernel_s_text() {
        let info =
            "pos:\t0\nflags:\t02000002\nsize:\t4096\ncount:\t2\nexp_name:\tsystem\nname:\tx\n";
        assert_eq!(parse_exporter(info).as_deref(), Some("system"));
        assert_eq!(parse_exporter("pos:\t0\n"), None);
    }

    #[test]
    fn a_memfd_is_refused_and_named_as_what_it_is() {
        let memfd = memfd_create("not a dma-buf", MemfdFlags::CLOEXEC).unwrap();
        assert!(!DmaBuf::is_dmabuf(&memfd).unwrap());
        let number = memfd.as_raw_fd();
        let error = DmaBuf::from_fd(memfd).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("fd {number} is no dma-buf")),
            "{text}"
        );
        assert!(text.contains("0x444d4142"), "{text}");
    }

    #[test]
    fn a_pipe_is_refused() {
        let (reader, _writer) = std::io::pipe().unwrap();
        assert!(matches!(
            DmaBuf::from_fd(reader.into()),
            Err(Error::NotDmaBuf { .. })
        ));
    }

    #[test]
    fn close_hooks_run_once_while_the_fd_is_open_and_survive_a_panic() {
        let dmabuf = DmaBuf::stand_in(4096).unwrap();
        let (id, number) = (dmabuf.id(), dmabuf.as_fd().as_raw_fd());
        let (sender, calls) = std::sync::mpsc::channel();
        dmabuf.on_close(|_| panic!("a hook of somebody else"));
        dmabuf.on_close(move |id| {
            let is_open = std::path::Path::new("/proc/self/fd")
                .join(number.to_string())
                .exists();
            sender.send((id, is_open)).unwrap();
        });
        drop(dmabuf);
        assert_eq!(calls.iter().collect::<Vec<_>>(), [(id, true)]);
    }
}
