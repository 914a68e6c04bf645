//! The allocator's own part; its vtable is behind the fence in `ffi`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use dmabuf_heap::DmaBuf;
use gst::glib;
use gst_allocators::subclass::prelude::*;

use crate::CAT;
use crate::ffi;
use crate::heap::HeapSource;
use crate::report::chain;
use crate::stats::PathStats;
use crate::sync::lock;

/// State of the allocator object.
#[derive(Debug, Default)]
pub(crate) struct HeapAllocator {
    heap: OnceLock<String>,
    stats: OnceLock<Arc<PathStats>>,
    source: Mutex<Option<Arc<HeapSource>>>,
    arrived: AtomicBool,
}

impl HeapAllocator {
    pub(super) fn open_with(&self, source: Arc<HeapSource>, stats: Arc<PathStats>) {
        self.stats.get_or_init(|| stats);
        *lock(&self.source) = Some(source);
    }

    pub(super) fn defer(&self, heap: &str) {
        self.heap.get_or_init(|| heap.to_owned());
    }

    pub(super) fn belongs_to(&self, stats: &Arc<PathStats>) -> bool {
        self.stats.get().is_some_and(|own| Arc::ptr_eq(own, stats))
    }

    pub(super) fn note_arrival(&self) {
        // A load first: the store would make the cache line travel between cores for every frame.
        if !self.arrived.load(Ordering::Relaxed) {
            self.arrived.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn has_arrived(&self) -> bool {
        self.arrived.load(Ordering::Relaxed)
    }

    /// `gst_allocator_alloc`. Prefix and padding are kept; a dma-buf starts on a page, so smaller alignments are met.
    pub(crate) fn allocate(
        &self,
        size: usize,
        params: &gst::AllocationParams,
    ) -> Option<gst::Memory> {
        match self.try_allocate(size, params) {
            Ok(memory) => Some(memory),
            Err(error) => {
                gst::error!(
                    CAT,
                    imp = self,
                    "no memory of {size} bytes: {}",
                    chain(&*error)
                );
                None
            }
        }
    }

    fn try_allocate(
        &self,
        size: usize,
        params: &gst::AllocationParams,
    ) -> Result<gst::Memory, Box<dyn std::error::Error>> {
        let page_mask = rustix::param::page_size() - 1;
        if params.align() & !page_mask != 0 {
            return Err(format!(
                "alignment to {} bytes is more than a page",
                params.align() + 1
            )
            .into());
        }
        let len = size
            .checked_add(params.prefix())
            .and_then(|len| len.checked_add(params.padding()))
            .ok_or("the length overflows")?;
        let dmabuf: DmaBuf = self.source()?.allocate_bytes(len as u64)?;
        Ok(ffi::memory::wrap(
            &self.obj(),
            Arc::new(dmabuf),
            params.prefix(),
            size,
        )?)
    }

    fn source(&self) -> Result<Arc<HeapSource>, Box<dyn std::error::Error>> {
        if let Some(source) = &*lock(&self.source) {
            return Ok(Arc::clone(source));
        }
        let heap = self
            .heap
            .get()
            .ok_or("this allocator was made without a heap")?;
        let source = Arc::new(HeapSource::open(heap)?);
        let mut slot = lock(&self.source);
        Ok(Arc::clone(slot.get_or_insert(source)))
    }
}

#[glib::object_subclass]
impl ObjectSubclass for HeapAllocator {
    const NAME: &'static str = "GstDmaheapAllocator";
    type Type = super::HeapAllocator;
    type ParentType = gst_allocators::DmaBufAllocator;

    fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
        ffi::init_allocator(obj);
    }
}

impl ObjectImpl for HeapAllocator {}

impl GstObjectImpl for HeapAllocator {}

impl FdAllocatorImpl for HeapAllocator {}

impl DmaBufAllocatorImpl for HeapAllocator {}
