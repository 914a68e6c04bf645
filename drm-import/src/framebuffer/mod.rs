//! Framebuffers: dma-bufs that a card has agreed to read as pictures.

mod error;
mod import;

use std::fmt;
use std::sync::Arc;

use dmabuf_heap::{Format, FrameLayout};
use drm::control::{Device as _, RawResourceHandle};
use tracing::{trace, warn};

pub use error::ImportError;
pub(crate) use error::takes_no_foreign_memory;
pub use import::ImportStats;
pub(crate) use import::Imports;

use crate::device::Card;

/// A picture in memory that a plane can show.
///
/// It keeps the memory alive in the kernel, not the [`Frame`](dmabuf_heap::Frame) in this process. Drop
/// closes it: with `CLOSEFB` where the kernel has it (6.8), which leaves a plane alone that still shows
/// it; else with `RMFB`, which switches such a plane off. So it must not be dropped before the next
/// picture is on screen; an [`Output`](crate::Output) sees to that.
pub struct Framebuffer {
    card: Arc<Card>,
    id: RawResourceHandle,
    width: u32,
    height: u32,
    format: Format,
}

impl Framebuffer {
    pub(crate) fn new(card: Arc<Card>, id: RawResourceHandle, layout: &FrameLayout) -> Framebuffer {
        Framebuffer {
            card,
            id,
            width: layout.width(),
            height: layout.height(),
            format: Format {
                fourcc: layout.fourcc(),
                modifier: layout.modifier(),
            },
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Fourcc and modifier.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The object id, as debugfs and traces show it.
    pub fn id(&self) -> u32 {
        self.id.get()
    }
}

impl fmt::Debug for Framebuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Framebuffer {
            card,
            id,
            width,
            height,
            format,
        } = self;
        write!(f, "Framebuffer {id} of {card}: {format:?} {width}x{height}")
    }
}

impl Drop for Framebuffer {
    fn drop(&mut self) {
        use std::os::fd::AsFd;
        trace!(card = %self.card, id = self.id, "framebuffer closed");
        let closed = crate::uapi::close_framebuffer(self.card.as_fd(), self.id.get());
        if closed.is_ok() {
            return;
        }
        // Kernels before 6.8 have no CLOSEFB.
        if let Err(error) = self.card.destroy_framebuffer(self.id.into()) {
            warn!(card = %self.card, id = self.id, %error, "framebuffer cannot be removed");
        }
    }
}
