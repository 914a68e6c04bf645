//! The pool object and its vtable.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use gst::glib;
use gst::subclass::prelude::*;

use super::configure::{BufferError, Configured};
use super::layout::Asked;
use super::memory::{Memory, Plan};
use super::service::Service;
use super::shelf::Shelf;
use super::shortage::Shortage;
use super::users::Users;
use super::{PoolEvent, PoolListener};
use crate::CAT;
use crate::allocator::HeapAllocator;
use crate::caps::VideoCaps;
use crate::heap::HeapSource;
use crate::panic::contained;
use crate::report::chain;
use crate::stats::PathStats;
use crate::sync::lock;

/// State of the pool object.
#[derive(Default)]
pub(crate) struct HeapPool {
    pub(super) service: OnceLock<Service>,
    pub(super) configured: Mutex<Option<Configured>>,
    /// While the pool is active.
    pub(super) memory: Mutex<Option<Arc<Memory>>>,
    failure: Mutex<Option<String>>,
    starting: AtomicBool,
    pub(super) least: AtomicU32,
    /// Buffers of the start that were never used. They come first: what is new to a device is best imported early.
    unused: AtomicU32,
    shelf: Shelf,
    pub(super) shortage: Shortage,
    pub(super) rounds: AtomicU32,
    pub(super) is_bound_told: AtomicBool,
}

impl HeapPool {
    pub(super) fn open_with(
        &self,
        source: Arc<HeapSource>,
        users: Users,
        stats: Arc<PathStats>,
        listener: PoolListener,
    ) {
        let allocator = HeapAllocator::new(Arc::clone(&source), Arc::clone(&stats));
        self.service.get_or_init(|| Service {
            source,
            users,
            allocator,
            stats,
            listener,
        });
    }

    pub(super) fn require(&self, min_buffers: u32) {
        self.least.store(min_buffers, Ordering::Relaxed);
    }

    pub(super) fn users(&self) -> Option<Users> {
        self.service.get().map(|service| service.users.clone())
    }

    /// The plan for buffers of `video` that are asked for in this way.
    pub(super) fn plan(&self, video: &VideoCaps, asked: &Asked) -> Result<Plan, super::SizeError> {
        let service = self.service.get().ok_or(super::SizeError::NoHeap)?;
        Plan::make(&service.source, &service.users, video, asked)
    }

    /// Forgets the memory that was chosen.
    pub(super) fn let_go(&self) {
        let memory = lock(&self.memory).take();
        drop(memory);
    }

    pub(super) fn tell(&self, event: PoolEvent<'_>) {
        if let Some(service) = self.service.get() {
            (service.listener)(event);
        }
    }

    /// Tells of the first failure; those that follow say the same.
    pub(super) fn fail(&self, event: PoolEvent<'_>, text: String) {
        let is_first = lock(&self.failure).replace(text).is_none();
        if is_first {
            self.tell(event);
        }
    }

    /// Why there was no memory, if there was none.
    pub(super) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }
}

impl std::fmt::Debug for HeapPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeapPool")
            .field("outstanding", &self.shortage.outstanding())
            .finish_non_exhaustive()
    }
}

#[glib::object_subclass]
impl ObjectSubclass for HeapPool {
    const NAME: &'static str = "GstDmaheapPool";
    type Type = super::HeapPool;
    type ParentType = gst::BufferPool;
}

impl ObjectImpl for HeapPool {}

impl GstObjectImpl for HeapPool {}

impl BufferPoolImpl for HeapPool {
    fn options() -> &'static [&'static str] {
        &[
            "GstBufferPoolOptionVideoMeta",
            "GstBufferPoolOptionVideoAlignment",
        ]
    }

    fn set_config(&self, config: &mut gst::BufferPoolConfigRef) -> bool {
        let accepted = contained("pool configuration", || self.configure(config)).flatten();
        accepted == Some(true) && self.parent_set_config(config)
    }

    /// Negotiates, then preallocates. What was made before a failure is freed at once: GStreamer itself would leak it.
    fn start(&self) -> bool {
        if contained("negotiation", || self.negotiate()) != Some(true) {
            return false;
        }
        self.starting.store(true, Ordering::Relaxed);
        let started = self.parent_start();
        self.starting.store(false, Ordering::Relaxed);
        if started {
            let made = lock(&self.configured).as_ref().map_or(0, |it| it.min);
            self.unused.store(made, Ordering::Relaxed);
        } else {
            self.stop();
        }
        started
    }

    fn alloc_buffer(
        &self,
        _params: Option<&gst::BufferPoolAcquireParams>,
    ) -> Result<gst::Buffer, gst::FlowError> {
        match contained("buffer allocation", || self.make_buffer()) {
            Some(Ok(buffer)) => Ok(buffer),
            Some(Err(error)) => {
                let text = chain(&error);
                gst::error!(CAT, imp = self, "{text}");
                if let BufferError::Allocate(error) = &error {
                    self.fail(PoolEvent::AllocationFailed(error), text);
                }
                Err(gst::FlowError::Error)
            }
            None => Err(gst::FlowError::Error),
        }
    }

    fn acquire_buffer(
        &self,
        params: Option<&gst::BufferPoolAcquireParams>,
    ) -> Result<gst::Buffer, gst::FlowError> {
        contained("buffer acquisition", || self.wait_out_shortage());
        let less = |unused: u32| unused.checked_sub(1);
        let unused = self
            .unused
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let buffer = if unused.is_ok() {
            self.parent_acquire_buffer(params)?
        } else {
            let taken = self.shelf.take_or(|| self.parent_acquire_buffer(params));
            taken.or_else(|acquired| acquired)?
        };
        self.shortage.taken();
        Ok(buffer)
    }

    fn flush_start(&self) {
        self.shortage.interrupt();
        self.parent_flush_start();
    }

    fn release_buffer(&self, buffer: gst::Buffer) {
        // `start` puts what it preallocates into the queue by this way, without having acquired it.
        if self.starting.load(Ordering::Relaxed) {
            return self.parent_release_buffer(buffer);
        }
        let kept = if self.is_intact(&buffer) {
            self.shelf.put(buffer)
        } else {
            Err(buffer)
        };
        if let Err(buffer) = kept {
            self.parent_release_buffer(buffer);
        }
        contained("buffer release", || self.note_return());
    }

    fn stop(&self) -> bool {
        for buffer in self.shelf.clear() {
            self.parent_release_buffer(buffer);
        }
        self.let_go();
        self.parent_stop()
    }
}
