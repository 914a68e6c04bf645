//! Heaps as GStreamer allocators.
//!
//! `gst_allocator_find ("dmaheap")` gives an allocator that takes memory from the first heap that works, and
//! `dmaheap-system`, `dmaheap-default_cma_region` … (one per heap of the machine) those that take it from there. They
//! are found once the plugin is loaded, which making any of its elements does.
//!
//! The memory is GStreamer's own: a `GstFdMemory` of a `GstDmaBufAllocator` subclass, so `gst_is_dmabuf_memory` is true
//! and every element that imports dma-bufs takes it. Implicit deep copies go to system memory, not to the heap.

use std::sync::Arc;

use gst::glib;
use gst::glib::subclass::prelude::*;

use crate::heap::HeapSource;
use crate::stats::PathStats;

pub(crate) mod imp;

glib::wrapper! {
    /// A `GstAllocator` over a dma-buf heap.
    pub(crate) struct HeapAllocator(ObjectSubclass<imp::HeapAllocator>)
        @extends gst_allocators::DmaBufAllocator, gst_allocators::FdAllocator, gst::Allocator, gst::Object;
}

impl HeapAllocator {
    /// An allocator over a source that is open, for the element that counts in `stats`.
    ///
    /// All buffers of one pool share one of these.
    pub(crate) fn new(source: Arc<HeapSource>, stats: Arc<PathStats>) -> Self {
        let allocator: Self = glib::Object::new();
        allocator.imp().open_with(source, stats);
        allocator
    }

    /// An allocator that looks for the heap when it is first used.
    fn deferred(heap: &str) -> Self {
        let allocator: Self = glib::Object::new();
        allocator.imp().defer(heap);
        allocator
    }

    /// Whether this allocator was made for the element that counts in `stats`.
    pub(crate) fn belongs_to(&self, stats: &Arc<PathStats>) -> bool {
        self.imp().belongs_to(stats)
    }

    /// The element has met a buffer of this allocator.
    pub(crate) fn note_arrival(&self) {
        self.imp().note_arrival();
    }

    /// Whether a buffer of this allocator has come as far as our element.
    pub(crate) fn has_arrived(&self) -> bool {
        self.imp().has_arrived()
    }
}

/// Makes the allocators findable by name.
pub(crate) fn register() {
    gst::Allocator::register("dmaheap", HeapAllocator::deferred(crate::heap::AUTO));
    for heap in HeapSource::names() {
        gst::Allocator::register(&format!("dmaheap-{heap}"), HeapAllocator::deferred(&heap));
    }
}
