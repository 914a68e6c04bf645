use std::io;

use dmabuf_heap::{DmaBufId, Format};
use rustix::io::Errno;
use thiserror::Error;

/// Why a card does not take a frame.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A stride or an offset does not fit the 32 bits that KMS has for it.
    #[error(
        "{device} cannot import {frame}: an offset of a plane is beyond 4 GiB, KMS has 32 bits for it; put each plane into a dma-buf of its own"
    )]
    OffsetTooLarge {
        /// The card.
        device: String,
        /// The frame in words.
        frame: String,
    },
    /// The layout is one that only a driver with modifiers can be told.
    #[error(
        "{device} cannot import {frame}: its driver knows no format modifiers, \
         and modifier {} is not linear; ask the producer for a linear layout", format.modifier
    )]
    NoModifiers {
        /// The card.
        device: String,
        /// The frame in words.
        frame: String,
        /// Its format.
        format: Format,
    },
    /// `DRM_IOCTL_PRIME_FD_TO_HANDLE` failed: the device does not take this dma-buf at all.
    #[error(
        "{device} cannot import dma-buf {} ({len} bytes) of {frame}: PRIME import failed: {source}; {}",
        id.inode, prime_remedy(source)
    )]
    Prime {
        /// The card.
        device: String,
        /// The frame in words.
        frame: String,
        /// The dma-buf.
        id: DmaBufId,
        /// Its length in bytes.
        len: u64,
        /// What the kernel said.
        source: io::Error,
    },
    /// `DRM_IOCTL_MODE_ADDFB2` failed: the device takes the memory, not the layout.
    #[error(
        "{device} cannot import {frame}: ADDFB2 failed: {source}; {}",
        add_remedy(source)
    )]
    Layout {
        /// The card.
        device: String,
        /// The frame in words: size, format, strides, offsets and lengths of its dma-bufs.
        frame: String,
        /// What the kernel said.
        source: io::Error,
    },
}

impl ImportError {
    /// What the kernel said, if it was asked.
    pub fn io_error(&self) -> Option<&io::Error> {
        match self {
            ImportError::Prime { source, .. } | ImportError::Layout { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn prime_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::OutOfMemory => {
            "the device ran out of address space for it; use fewer or smaller buffers"
        }
        _ if takes_no_foreign_memory(error) => {
            "the device takes no memory of other devices, only its own dumb buffers"
        }
        _ => "the device needs other memory, often contiguous: choose a CMA heap",
    }
}

/// Whether a failed PRIME import means that the driver imports nothing at all, as virtio-gpu without blobs.
pub(crate) fn takes_no_foreign_memory(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        errno,
        Some(Errno::NODEV | Errno::NOSYS | Errno::NOTTY | Errno::OPNOTSUPP)
    )
}

fn add_remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::OutOfMemory => {
            "the device ran out of memory or address space; use fewer buffers"
        }
        io::ErrorKind::NotFound => {
            "a buffer handle vanished; does somebody else use this DRM file?"
        }
        _ => {
            "the device lacks this format, size or stride: see the formats of its planes (drm_info, modetest -p)"
        }
    }
}
