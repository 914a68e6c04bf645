//! What a pool has for life.

use std::sync::Arc;

use dmabuf_heap::Frame;

use super::PoolListener;
use super::users::Users;
use crate::allocator::HeapAllocator;
use crate::heap::HeapSource;
use crate::stats::PathStats;

/// Memory, those who use it, and who hears of it.
pub(super) struct Service {
    pub source: Arc<HeapSource>,
    pub users: Users,
    pub allocator: HeapAllocator,
    pub stats: Arc<PathStats>,
    pub listener: PoolListener,
}

impl Service {
    pub(super) fn count(&self, frame: &Frame) {
        self.stats.buffer_allocated();
        let stats = Arc::clone(&self.stats);
        frame.dmabuf(0).on_close(move |_id| stats.buffer_freed());
    }
}
