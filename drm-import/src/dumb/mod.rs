//! Dumb buffers: memory that every KMS driver makes for its own scan-out.

mod allocator;
mod shape;

use std::io;
use std::os::fd::OwnedFd;

use drm::buffer::{Buffer as _, DrmFourcc};
use drm::control::Device as _;
use drm::control::dumbbuffer::DumbBuffer;
use drm::{Device as _, DriverCapability};
use rustix::fs::OFlags;
use tracing::warn;

pub use allocator::DumbAllocator;
pub(crate) use shape::Shape;

use crate::device::Card;

/// A dumb buffer, as long as its GEM handle is open. Framebuffers and dma-bufs made of it live on.
///
/// The kernel fills it with zeros.
#[derive(Debug)]
pub(crate) struct Dumb<'a> {
    card: &'a Card,
    buffer: DumbBuffer,
}

impl Dumb<'_> {
    /// `DRM_IOCTL_MODE_CREATE_DUMB`. Needs no master.
    pub(crate) fn create(card: &Card, shape: Shape) -> io::Result<Dumb<'_>> {
        let size = (shape.width, shape.height);
        // The fourcc is only a note within the crate; the kernel hears the depth alone.
        let create = || card.create_dumb_buffer(size, DrmFourcc::Xrgb8888, shape.bits_per_pixel);
        let buffer = restarted(create)?;
        Ok(Dumb { card, buffer })
    }

    /// Bytes from row to row, as the driver likes them.
    pub(crate) fn pitch(&self) -> u32 {
        self.buffer.pitch()
    }

    /// The GEM handle.
    pub(crate) fn handle(&self) -> u32 {
        self.buffer.handle().into()
    }

    /// A dma-buf of this memory, open for reading and writing, closed on exec.
    pub(crate) fn export(&self) -> io::Result<OwnedFd> {
        let flags = (OFlags::RDWR | OFlags::CLOEXEC).bits();
        restarted(|| self.card.buffer_to_prime_fd(self.buffer.handle(), flags))
    }
}

impl Drop for Dumb<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.card.destroy_dumb_buffer(self.buffer) {
            warn!(card = %self.card, %error, "a dumb buffer cannot be destroyed");
        }
    }
}

/// Whether the driver makes dumb buffers.
pub(crate) fn has_dumb_buffers(card: &Card) -> bool {
    card.get_driver_capability(DriverCapability::DumbBuffer)
        .is_ok_and(|value| value != 0)
}

fn restarted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
