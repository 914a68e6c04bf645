//! Buffers for an element that hands them out itself.
//!
//! A device of ours ties each of its buffer numbers to one frame for good, so that the kernel attaches each dma-buf once. Such
//! buffers go round between the device and downstream, and never lie in a pool for whoever comes first. The pool only finds
//! the memory that suits everybody.

use dmabuf_heap::{Frame, PlaneLayout};
use gst::glib::subclass::prelude::*;

use super::HeapPool;
use super::buffer::{Form, WrapError};
use crate::allocator::HeapAllocator;
use crate::caps::{VideoCaps, video_format};
use crate::report::chain;

/// Why there are no buffers: nothing suits everybody, or memory ran out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoStock(String);

impl HeapPool {
    /// Has the devices choose the memory, and makes `count` buffers that do not belong to the pool, which has been configured
    /// and is not active.
    ///
    /// # Errors
    ///
    /// No memory suits the devices, or there is too little.
    pub(crate) fn stock(&self, count: u32) -> Result<Vec<gst::Buffer>, NoStock> {
        let imp = self.imp();
        if !imp.negotiate() {
            let why = imp.failure();
            return Err(NoStock(why.unwrap_or_else(|| "nothing is known".into())));
        }
        let buffers = (0..count).map(|_nth| imp.make_buffer());
        let buffers: Result<Vec<_>, _> = buffers.collect();
        imp.let_go();
        buffers.map_err(|error| NoStock(chain(&error)))
    }
}

/// A buffer that shows a frame of `video` which lies in memory that was there before, such as a device's own.
///
/// # Errors
///
/// GStreamer refuses.
pub(crate) fn buffer_of(
    allocator: &HeapAllocator,
    frame: &Frame,
    video: &VideoCaps,
) -> Result<gst::Buffer, WrapError> {
    let layout = frame.layout();
    let size = if frame.dmabufs().count() > 1 {
        layout.planes().iter().map(PlaneLayout::end).sum()
    } else {
        layout.size()
    };
    let format = video_format(video.format().fourcc);
    let form = Form {
        format: format.unwrap_or(gst_video::VideoFormat::DmaDrm),
        alignment: None,
        padded: None,
        size: usize::try_from(size).unwrap_or(usize::MAX),
    };
    form.wrap(allocator, frame)
}
