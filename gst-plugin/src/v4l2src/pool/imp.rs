//! The pool's vtable: what is let go goes to the driver, what is taken was put forward by the element.

use std::sync::{Arc, Mutex, OnceLock};

use gst::glib;
use gst::subclass::prelude::*;

use crate::panic::contained;
use crate::sync::lock;
use crate::v4l2src::round::Round;

/// State of the pool object.
#[derive(Debug, Default)]
pub(crate) struct CapturePool {
    round: OnceLock<Arc<Round>>,
    /// What is taken next.
    next: Mutex<Option<gst::Buffer>>,
}

impl CapturePool {
    pub(super) fn open_with(&self, round: Arc<Round>) {
        self.round.get_or_init(|| round);
    }

    pub(super) fn next(&self, buffer: gst::Buffer) {
        let before = lock(&self.next).replace(buffer);
        drop(before);
    }
}

#[glib::object_subclass]
impl ObjectSubclass for CapturePool {
    const NAME: &'static str = "GstDmaheapCapturePool";
    type Type = super::CapturePool;
    type ParentType = gst::BufferPool;
}

impl ObjectImpl for CapturePool {}

impl GstObjectImpl for CapturePool {}

impl BufferPoolImpl for CapturePool {
    /// The base class asks once for each buffer, when the pool starts, and lets go of all of them.
    fn alloc_buffer(
        &self,
        _params: Option<&gst::BufferPoolAcquireParams>,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let buffer = contained("capture buffer", || self.round.get()?.introduce());
        buffer.flatten().ok_or(gst::FlowError::Eos)
    }

    fn acquire_buffer(
        &self,
        _params: Option<&gst::BufferPoolAcquireParams>,
    ) -> Result<gst::Buffer, gst::FlowError> {
        // Nobody else knows of a buffer that could be taken.
        lock(&self.next).take().ok_or(gst::FlowError::Error)
    }

    fn release_buffer(&self, buffer: gst::Buffer) {
        let mut left = Some(buffer);
        contained("capture buffer release", || {
            if let (Some(round), Some(buffer)) = (self.round.get(), left.take()) {
                left = round.returned(buffer).err();
            }
        });
        if let Some(buffer) = left {
            self.parent_release_buffer(buffer);
        }
    }

    fn stop(&self) -> bool {
        let buffers = contained("capture pool stop", || {
            self.round.get().map(|round| round.clear())
        });
        for buffer in buffers.flatten().unwrap_or_default() {
            self.parent_release_buffer(buffer);
        }
        self.parent_stop()
    }
}
