//! What lies behind a picture: black.

use std::sync::Arc;

use dmabuf_heap::{Fourcc, FrameLayout};
use wayland_client::protocol::wl_buffer::WlBuffer;

use crate::client::Ignored;
use crate::link::Link;
use crate::shm::{ShmBuffer, ShmError};

/// A black buffer: one pixel where the compositor scales, else as large as the area.
#[derive(Debug)]
pub(super) struct Backdrop {
    buffer: Buffer,
    /// The one size that it serves, or none for any.
    size: Option<(u32, u32)>,
}

#[derive(Debug)]
enum Buffer {
    /// Needs no memory (`wp_single_pixel_buffer_manager_v1`).
    Pixel(WlBuffer),
    Memory(Box<ShmBuffer>),
}

impl Backdrop {
    pub(super) fn new(link: &Arc<Link>, size: (u32, u32)) -> Result<Backdrop, ShmError> {
        if link.globals.viewporter.is_none() {
            return Ok(Backdrop {
                buffer: Buffer::memory(link, size)?,
                size: Some(size),
            });
        }
        let buffer = match &link.globals.single_pixel {
            Some(manager) => Buffer::Pixel(manager.create_u32_rgba_buffer(
                0,
                0,
                0,
                u32::MAX,
                &link.handle,
                Ignored,
            )),
            None => Buffer::memory(link, (1, 1))?,
        };
        Ok(Backdrop { buffer, size: None })
    }

    /// Whether it serves an area of this size.
    pub(super) fn fits(&self, size: (u32, u32)) -> bool {
        self.size.is_none_or(|own| own == size)
    }

    pub(super) fn wl_buffer(&self) -> &WlBuffer {
        match &self.buffer {
            Buffer::Pixel(buffer) => buffer,
            Buffer::Memory(buffer) => &buffer.wl_buffer,
        }
    }
}

impl Buffer {
    /// New shared memory is zero, which is black.
    fn memory(link: &Link, (width, height): (u32, u32)) -> Result<Buffer, ShmError> {
        let layout = FrameLayout::linear(Fourcc::XRGB8888, width, height, 4).map_err(|error| {
            ShmError::Memory {
                len: 0,
                reason: error.to_string(),
            }
        })?;
        let buffer = ShmBuffer::new(link, &layout)?;
        Ok(Buffer::Memory(Box::new(buffer)))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Buffer::Pixel(buffer) = self {
            buffer.destroy();
        }
    }
}
