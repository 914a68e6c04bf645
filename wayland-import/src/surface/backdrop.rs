//! What lies behind a picture: black.

use std::sync::Arc;

use dmabuf_heap::{Fourcc, FrameLayout};
use wayland_client::protocol::wl_buffer::WlBuffer;

use crate::client::Ignored;
use crate::link::Link;
use crate::shm::{ShmBuffer, ShmError};

/// A black buffer: one pixel where the compositor scales, else as large as the area.
#[derive(Debug)]
pub(super) enum Backdrop {
    /// Needs no memory (`wp_single_pixel_buffer_manager_v1`).
    Pixel(WlBuffer),
    Memory(Box<ShmBuffer>),
}

impl Backdrop {
    pub(super) fn new(link: &Arc<Link>, (width, height): (u32, u32)) -> Result<Backdrop, ShmError> {
        let has_viewporter = link.globals.viewporter.is_some();
        if let (Some(manager), true) = (&link.globals.single_pixel, has_viewporter) {
            let buffer = manager.create_u32_rgba_buffer(0, 0, 0, u32::MAX, &link.handle, Ignored);
            return Ok(Backdrop::Pixel(buffer));
        }
        let (width, height) = if has_viewporter {
            (1, 1)
        } else {
            (width, height)
        };
        let layout = FrameLayout::linear(Fourcc::XRGB8888, width, height, 4).map_err(|error| {
            ShmError::Memory {
                len: 0,
                reason: error.to_string(),
            }
        })?;
        // New shared memory is zero, which is black.
        ShmBuffer::new(link, &layout).map(|buffer| Backdrop::Memory(Box::new(buffer)))
    }

    /// Whether it serves an area of any size.
    pub(super) fn is_scaled(&self, link: &Link) -> bool {
        matches!(self, Backdrop::Pixel(_)) || link.globals.viewporter.is_some()
    }

    pub(super) fn wl_buffer(&self) -> &WlBuffer {
        match self {
            Backdrop::Pixel(buffer) => buffer,
            Backdrop::Memory(buffer) => &buffer.wl_buffer,
        }
    }
}

impl Drop for Backdrop {
    fn drop(&mut self) {
        if let Backdrop::Pixel(buffer) = self {
            buffer.destroy();
        }
    }
}
