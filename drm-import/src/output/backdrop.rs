//! A black picture for the primary plane, where a driver wants that plane on beneath a video overlay.

use std::os::fd::AsFd;
use std::sync::{Arc, PoisonError};

use dmabuf_heap::{Fourcc, FrameLayout};
use tracing::{debug, warn};

use super::flip::FlipLoop;
use crate::dumb::{Dumb, Shape};
use crate::framebuffer::Framebuffer;
use crate::uapi::{self, FramebufferCommand};

const BITS_PER_PIXEL: u32 = 32;

impl FlipLoop {
    /// Makes the backdrop on first need; false where the card has no dumb buffers.
    pub(super) fn ensure_backdrop(&self) -> bool {
        let mut state = self.atomic.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.has_backdrop() {
            match self.make_backdrop() {
                Ok(framebuffer) => state.set_backdrop_framebuffer(framebuffer),
                Err(error) => {
                    warn!(output = self.pipeline.name, %error, "no black backdrop");
                    return false;
                }
            }
        }
        true
    }

    /// The kernel hands out dumb buffers filled with zeros, which is black.
    fn make_backdrop(&self) -> Result<Framebuffer, Box<dyn std::error::Error>> {
        let (width, height) = (self.pipeline.mode.width, self.pipeline.mode.height);
        let shape = Shape {
            width,
            height,
            bits_per_pixel: BITS_PER_PIXEL,
        };
        let dumb = Dumb::create(&self.card, shape)?;
        let command = FramebufferCommand {
            width,
            height,
            pixel_format: Fourcc::XRGB8888.0,
            handles: [dumb.handle(), 0, 0, 0],
            pitches: [dumb.pitch(), 0, 0, 0],
            ..FramebufferCommand::default()
        };
        let id = uapi::add_framebuffer(self.card.as_fd(), &command)?.try_into()?;
        let layout = FrameLayout::linear(Fourcc::XRGB8888, width, height, 1)?;
        debug!(output = self.pipeline.name, id, "black backdrop made");
        Ok(Framebuffer::new(Arc::clone(&self.card), id, &layout))
    }
}
