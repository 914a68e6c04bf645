use std::io;

/// An operation on a dma-buf itself that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The fd is of something else: a memfd, a device, a DRM handle mistaken for an fd.
    #[error(
        "fd {fd} is no dma-buf: it lies on a file system of type {magic:#x}, dma-bufs on {expected:#x}",
        expected = crate::uapi::DMA_BUF_MAGIC
    )]
    NotDmaBuf {
        /// Number of the fd, as it was.
        fd: i32,
        /// `f_type` of its file system.
        magic: u64,
    },
    /// A system call that reads size or identity failed.
    #[error("cannot inspect the dma-buf with fd {fd} by {call}: {errno}")]
    Inspect {
        /// Number of the fd.
        fd: i32,
        /// Name of the system call.
        call: &'static str,
        /// Why.
        errno: io::Error,
    },
    /// `DMA_BUF_SET_NAME` failed.
    #[error("cannot name the dma-buf with inode {inode} \"{name}\": {errno}")]
    SetName {
        /// The dma-buf.
        inode: u64,
        /// The name, cut to what the kernel takes.
        name: String,
        /// Why.
        errno: io::Error,
    },
}
