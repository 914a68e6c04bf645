//! Where a buffer's memory comes from.

use std::sync::Arc;

use gst::prelude::*;
use gst_allocators::DmaBufMemory;

use crate::allocator::HeapAllocator;
use crate::stats::PathStats;

/// The origin of a buffer, as far as copying is concerned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Upstream wrote into a pool or allocator that this element proposed.
    Pool,
    /// Dma-bufs that somebody else made. A buffer without memory counts here too: there is nothing to copy.
    Foreign,
    /// This memory of the buffer is no dma-buf.
    Ordinary(usize),
}

impl Origin {
    /// Looks at the types of the memories only: no system call.
    pub(crate) fn of(buffer: &gst::BufferRef, stats: &Arc<PathStats>) -> Self {
        let mut origin = Self::Foreign;
        for (index, memory) in buffer.iter_memories().enumerate() {
            if !memory.is_memory_type::<DmaBufMemory>() {
                return Self::Ordinary(index);
            }
            let own = memory
                .allocator()
                .and_then(|allocator| allocator.downcast_ref::<HeapAllocator>())
                .filter(|allocator| allocator.belongs_to(stats));
            if let Some(own) = own {
                own.note_arrival();
                origin = Self::Pool;
            }
        }
        origin
    }
}

/// Whether a buffer's memory is of a heap allocator of ours. The allocator hears that its buffers arrive: a pool whose
/// buffers never do has a device upstream that refuses them.
pub(crate) fn arrived_from_pool(buffer: &gst::BufferRef) -> bool {
    let allocator = (buffer.n_memory() > 0)
        .then(|| buffer.peek_memory(0).allocator())
        .flatten();
    let ours = allocator.and_then(|allocator| allocator.downcast_ref::<HeapAllocator>());
    ours.inspect(|allocator| allocator.note_arrival()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_memory_is_found_and_nothing_needs_no_copy() {
        gst::init().expect("GStreamer");
        let stats = Arc::new(PathStats::default());
        let buffer = gst::Buffer::with_size(16).expect("buffer");
        assert_eq!(Origin::of(&buffer, &stats), Origin::Ordinary(0));
        assert_eq!(Origin::of(&gst::Buffer::new(), &stats), Origin::Foreign);
    }
}
