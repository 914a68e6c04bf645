//! The `GstBufferPool` to which the frames of a stream belong, so that they find their way back.

use std::sync::Arc;

use gst::glib;
use gst::glib::subclass::prelude::*;
use gst::prelude::*;

use super::round::Round;

pub(super) mod imp;

glib::wrapper! {
    /// A pool whose buffers a camera fills. Only the element that has the camera takes buffers out of it.
    pub(crate) struct CapturePool(ObjectSubclass<imp::CapturePool>) @extends gst::BufferPool, gst::Object;
}

impl CapturePool {
    /// A pool of all buffers of `round`, active. The driver gets them all.
    ///
    /// # Errors
    ///
    /// GStreamer refuses.
    pub(super) fn start(
        round: Arc<Round>,
        caps: &gst::Caps,
        size: usize,
    ) -> Result<Self, glib::BoolError> {
        let pool: Self = glib::Object::new();
        let count = u32::try_from(round.len()).unwrap_or(u32::MAX);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        pool.imp().open_with(round);
        let mut config = pool.config();
        config.set_params(Some(caps), size, count, count);
        pool.set_config(config)?;
        pool.set_active(true)?;
        Ok(pool)
    }

    /// Hands out a buffer of the round, which comes back by itself when nobody uses it any more.
    ///
    /// # Errors
    ///
    /// The pool is stopped.
    pub(super) fn hand_out(&self, buffer: gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
        self.imp().next(buffer);
        self.acquire_buffer(None)
    }
}
