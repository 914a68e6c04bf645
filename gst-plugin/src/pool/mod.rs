//! A `GstBufferPool` whose buffers are dma-bufs of a heap.
//!
//! It is made to be taken by an unmodified `v4l2src io-mode=dmabuf-import`, which imports from whatever pool its peer
//! proposes and fails without a fallback when it dislikes one. What that element never says and this pool keeps to:
//!
//! - a new pool for each ALLOCATION query, because an active one cannot be configured again;
//! - configured with allocator NULL and without `GstBufferPoolOptionVideoAlignment`;
//! - a size or minimum that is too small is refused once, with the right one in the configuration;
//! - one memory per buffer, offset 0, at least as long as the driver's `sizeimage`;
//! - `GstVideoMeta` with the real strides on every buffer, for plain and for `DMA_DRM` caps;
//! - buffers are never resized, and only grow in number.

use std::sync::Arc;

use dmabuf_heap::AllocateError;
use gst::glib;
use gst::glib::subclass::prelude::*;

use crate::heap::HeapSource;
use crate::stats::PathStats;

pub(crate) mod imp;
mod layout;
mod shelf;
mod shortage;
#[cfg(test)]
mod tests;

use layout::Shape;
pub(crate) use layout::Writer;

glib::wrapper! {
    /// A `GstBufferPool` over a dma-buf heap.
    pub(crate) struct HeapPool(ObjectSubclass<imp::HeapPool>) @extends gst::BufferPool, gst::Object;
}

/// What a pool tells the element that proposed it. Sent from streaming threads, without a lock of ours.
#[derive(Debug)]
pub(crate) enum PoolEvent<'a> {
    /// The heap gave no memory. Told once per pool.
    AllocationFailed(&'a AllocateError),
    /// Whoever took the pool gave its buffers back at once and never filled one: a device refused the memory.
    GivenBack,
}

/// The receiver of a pool's events.
pub(crate) type PoolListener = Box<dyn Fn(PoolEvent<'_>) + Send + Sync>;

impl HeapPool {
    /// A pool on `source` that counts in `stats`.
    pub(crate) fn new(
        source: Arc<HeapSource>,
        stats: Arc<PathStats>,
        listener: PoolListener,
    ) -> Self {
        let pool: Self = glib::Object::new();
        pool.imp().open_with(source, stats, listener);
        pool
    }

    /// Says who will fill the frames, before anybody configures the pool.
    pub(crate) fn set_writer(&self, writer: Writer) {
        self.imp().set_writer(writer);
    }

    /// No configuration with fewer buffers is accepted from now on.
    pub(crate) fn require(&self, min_buffers: u32) {
        self.imp().require(min_buffers);
    }

    /// Bytes of one buffer for `caps`, as they stand in an answer to an ALLOCATION query.
    ///
    /// # Errors
    ///
    /// The caps cannot be laid out, or a buffer would not fit GStreamer's 32 bits.
    pub(crate) fn buffer_size(caps: &crate::caps::VideoCaps) -> Result<u32, SizeError> {
        let Shape { len, .. } = Shape::of(caps, 0, None, Writer::Element)?;
        u32::try_from(len).map_err(|_beyond_32_bits| SizeError::TooLarge(len))
    }
}

/// Why caps have no buffer size.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SizeError {
    /// The picture cannot be laid out.
    #[error(transparent)]
    Layout(#[from] dmabuf_heap::LayoutError),
    /// GStreamer's pools count in 32 bits.
    #[error("a buffer of {0} bytes is more than a GStreamer buffer pool can hold (4 GiB)")]
    TooLarge(u64),
}
