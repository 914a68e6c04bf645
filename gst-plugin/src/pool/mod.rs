//! A `GstBufferPool` whose buffers are dma-bufs of a heap.
//!
//! It is made to be taken by an unmodified `v4l2src io-mode=dmabuf-import`, which imports from whatever pool its peer
//! proposes and fails without a fallback when it dislikes one. What that element never says and this pool keeps to:
//!
//! - a new pool for each ALLOCATION query, because an active one cannot be configured again;
//! - configured with allocator NULL and without `GstBufferPoolOptionVideoAlignment`;
//! - a size or minimum that is too small is refused once, with the right one in the configuration;
//! - one memory per buffer (or one for each plane, where the driver spreads them), offset 0, at least as long as the
//!   driver's `sizeimage`;
//! - `GstVideoMeta` with the real strides on every buffer, for plain and for `DMA_DRM` caps;
//! - buffers are never resized, and only grow in number.

use std::sync::Arc;

use dmabuf_heap::{AllocateError, FrameLayout, NegotiateError};
use gst::glib;
use gst::glib::subclass::prelude::*;

use crate::caps::VideoCaps;
use crate::heap::{Choice, HeapSource};
use crate::stats::PathStats;

mod answers;
mod buffer;
mod configure;
pub(crate) mod imp;
mod layout;
mod memory;
mod rounds;
mod service;
mod shelf;
mod shortage;
mod stock;
#[cfg(test)]
mod tests;
mod users;

pub(crate) use answers::Answers;
use layout::Asked;
pub(crate) use stock::buffer_of;
pub(crate) use users::{Users, Writer};

glib::wrapper! {
    /// A `GstBufferPool` over a dma-buf heap.
    pub(crate) struct HeapPool(ObjectSubclass<imp::HeapPool>) @extends gst::BufferPool, gst::Object;
}

/// What a pool tells the element that proposed it. Sent from streaming threads, without a lock of ours.
#[derive(Debug)]
pub(crate) enum PoolEvent<'a> {
    /// The devices have chosen the memory of this pool.
    Chosen(&'a Choice),
    /// No memory suits the devices. Told once per pool, as the following.
    NothingSuits(&'a NegotiateError),
    /// There is no more memory.
    AllocationFailed(&'a AllocateError),
    /// All of so many buffers are out, and no more can be made while the camera streams: it took those perhaps by luck, so
    /// that each has to be tried. Whoever wants one waits. Told once per pool.
    Bounded(u32),
    /// Whoever took the pool gave its buffers back at once and never filled one: a device that could not be asked
    /// refused the memory.
    GivenBack,
}

/// The receiver of a pool's events.
pub(crate) type PoolListener = Box<dyn Fn(PoolEvent<'_>) + Send + Sync>;

/// What an answer to an ALLOCATION query says of a pool.
#[derive(Debug, Clone)]
pub(crate) struct Proposal {
    /// Bytes of a buffer.
    pub size: u32,
    /// How the frames will lie, as far as the devices have said.
    pub layout: FrameLayout,
}

impl HeapPool {
    /// A pool on `source` for `users`, that counts in `stats`.
    pub(crate) fn new(
        source: Arc<HeapSource>,
        users: Users,
        stats: Arc<PathStats>,
        listener: PoolListener,
    ) -> Self {
        let pool: Self = glib::Object::new();
        pool.imp().open_with(source, users, stats, listener);
        pool
    }

    /// No configuration with fewer buffers is accepted from now on.
    pub(crate) fn require(&self, min_buffers: u32) {
        self.imp().require(min_buffers);
    }

    /// Who will have the frames in hand.
    fn users(&self) -> Option<Users> {
        self.imp().users()
    }

    /// Why there was no memory, if there was none.
    pub(crate) fn failure(&self) -> Option<String> {
        self.imp().failure()
    }

    /// What to propose to whoever will write frames of these caps. Nothing is allocated and no device changes.
    ///
    /// # Errors
    ///
    /// The caps cannot be laid out, not so that everybody takes them, or a buffer would not fit GStreamer's 32 bits.
    pub(crate) fn proposal(&self, caps: &VideoCaps) -> Result<Proposal, SizeError> {
        self.proposal_to(caps, true)
    }

    /// The same for those who may not read the `GstVideoMeta` of the frames.
    ///
    /// # Errors
    ///
    /// As [`proposal`](Self::proposal).
    pub(crate) fn proposal_to(
        &self,
        caps: &VideoCaps,
        reads_meta: bool,
    ) -> Result<Proposal, SizeError> {
        let asked = Asked {
            reads_meta,
            ..Asked::default()
        };
        let plan = self.imp().plan(caps, &asked)?;
        Ok(Proposal {
            size: plan.size,
            layout: plan.layout,
        })
    }
}

/// Why caps have no buffer size.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SizeError {
    /// The pool belongs to nobody.
    #[error("the pool was made without a heap")]
    NoHeap,
    /// The picture cannot be laid out.
    #[error(transparent)]
    Layout(#[from] dmabuf_heap::LayoutError),
    /// The devices have no layout in common.
    #[error(transparent)]
    Negotiate(#[from] NegotiateError),
    /// GStreamer's pools count in 32 bits.
    #[error("a buffer of {0} bytes is more than a GStreamer buffer pool can hold (4 GiB)")]
    TooLarge(u64),
}
