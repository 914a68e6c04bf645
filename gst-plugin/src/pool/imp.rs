//! The pool's vtable: configurations are judged, memory negotiated, buffers made and counted, refusals by a device noticed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use dmabuf_heap::{AllocateError, Frame};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::{VideoBufferPoolConfig, VideoFormat};

use super::buffer::{Form, WrapError};
use super::layout::Asked;
use super::memory::{Memory, Plan};
use super::shelf::Shelf;
use super::shortage::Shortage;
use super::users::{Users, Writer};
use super::{PoolEvent, PoolListener};
use crate::CAT;
use crate::allocator::HeapAllocator;
use crate::caps::{VideoCaps, video_format};
use crate::heap::HeapSource;
use crate::panic::contained;
use crate::report::chain;
use crate::stats::PathStats;
use crate::sync::lock;

/// Returns that make a refusal: the look at a buffer, and the first try to queue one.
const LOOK_AND_FIRST_TRY: u32 = 2;

/// State of the pool object.
#[derive(Default)]
pub(crate) struct HeapPool {
    service: OnceLock<Service>,
    configured: Mutex<Option<Configured>>,
    /// While the pool is active.
    memory: Mutex<Option<Arc<Memory>>>,
    failure: Mutex<Option<String>>,
    starting: AtomicBool,
    least: AtomicU32,
    /// Buffers of the start that were never used. They come first: what is new to a device is best imported early.
    unused: AtomicU32,
    shelf: Shelf,
    shortage: Shortage,
    rounds: AtomicU32,
    is_bound_told: AtomicBool,
}

/// What a pool has for life.
struct Service {
    source: Arc<HeapSource>,
    users: Users,
    allocator: HeapAllocator,
    stats: Arc<PathStats>,
    listener: PoolListener,
}

/// What `set_config` settled.
#[derive(Clone)]
struct Configured {
    plan: Plan,
    form: Form,
    /// Buffers made at the start.
    min: u32,
}

/// Why a buffer was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum BufferError {
    #[error("the pool is not active")]
    NotActive,
    #[error(transparent)]
    Allocate(#[from] AllocateError),
    #[error(transparent)]
    Wrap(#[from] WrapError),
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

    /// Accepts a configuration, or corrects size and minimum in it and answers false: the user reads it back.
    fn configure(&self, config: &mut gst::BufferPoolConfigRef) -> Option<bool> {
        let (caps, size, min, max) = config.params()?;
        let caps = caps?;
        let video = VideoCaps::parse(&caps)
            .inspect_err(|error| gst::warning!(CAT, imp = self, "{error}"))
            .ok()?;
        let alignment = config
            .has_option(gst_video::BUFFER_POOL_OPTION_VIDEO_ALIGNMENT)
            .then(|| config.video_alignment())
            .flatten();
        let asked = Asked {
            size: size.into(),
            alignment,
            reads_meta: config.has_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META),
        };
        let plan = self
            .plan(&video, &asked)
            .inspect_err(|error| gst::warning!(CAT, imp = self, "{}", chain(error)))
            .ok()?;

        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
        let least = self.least.load(Ordering::Relaxed);
        if size < plan.size || min < least {
            let (size, min) = (size.max(plan.size), min.max(least));
            gst::debug!(
                CAT,
                imp = self,
                "asking for {min} buffers of {size} bytes instead, for {plan:?}"
            );
            let max = if max == 0 { 0 } else { max.max(min) };
            config.set_params(Some(&caps), size, min, max);
            return Some(false);
        }
        gst::debug!(
            CAT,
            imp = self,
            "{caps}: {size} bytes, {min} to {max} buffers, {plan:?}"
        );
        let form = Form {
            format: video_format(video.format().fourcc).unwrap_or(VideoFormat::DmaDrm),
            alignment: asked.alignment,
            padded: plan.padded,
            size: size as usize,
        };
        *lock(&self.configured) = Some(Configured { plan, form, min });
        Some(true)
    }

    /// Has the devices choose the memory of all buffers to come.
    pub(super) fn negotiate(&self) -> bool {
        let configured = lock(&self.configured).clone();
        let (Some(configured), Some(service)) = (configured, self.service.get()) else {
            return false;
        };
        match configured.plan.negotiate(&service.source) {
            Ok(memory) => {
                let memory = Arc::new(memory);
                *lock(&self.memory) = Some(Arc::clone(&memory));
                service.source.settle(memory.choice().clone());
                self.tell(PoolEvent::Chosen(memory.choice()));
                true
            }
            Err(error) => {
                let text = chain(&error);
                gst::error!(CAT, imp = self, "{text}");
                self.fail(PoolEvent::NothingSuits(&error), text);
                false
            }
        }
    }

    pub(super) fn make_buffer(&self) -> Result<gst::Buffer, BufferError> {
        let memory = lock(&self.memory).clone();
        let configured = lock(&self.configured).clone();
        let (Some(configured), Some(memory), Some(service)) =
            (configured, memory, self.service.get())
        else {
            return Err(BufferError::NotActive);
        };
        let frame = memory.frame()?;
        service.count(&frame);
        Ok(configured.form.wrap(&service.allocator, &frame)?)
    }

    /// Forgets the memory that was chosen.
    pub(super) fn let_go(&self) {
        let memory = lock(&self.memory).take();
        drop(memory);
    }

    /// Rather than make one more buffer for a camera, waits a little for one that is out; or for as long as it takes, where
    /// the camera would have to try it and cannot.
    fn wait_out_shortage(&self) {
        let min = lock(&self.configured).as_ref().map_or(0, |it| it.min);
        let is_camera = |service: &Service| matches!(service.users.writer, Writer::V4l2(_));
        if !self.service.get().is_some_and(is_camera) || min == 0 {
            return;
        }
        let obj = self.obj();
        if self.shortage.wait_below(min, || obj.is_flushing()) {
            return;
        }
        let memory = lock(&self.memory).clone();
        if memory.is_none_or(|memory| memory.is_certain()) {
            gst::info!(
                CAT,
                imp = self,
                "all {min} buffers stay out, making one more"
            );
            return;
        }
        if !self.is_bound_told.swap(true, Ordering::Relaxed) {
            self.tell(PoolEvent::Bounded(min));
        }
        self.shortage.wait_out(min, || obj.is_flushing());
    }

    /// Whether a buffer can be used again; the base class throws away what is not.
    fn is_intact(&self, buffer: &gst::BufferRef) -> bool {
        let size = lock(&self.configured).as_ref().map_or(0, |it| it.form.size);
        buffer.size() == size
            && buffer.is_all_memory_writable()
            && !buffer.flags().contains(gst::BufferFlags::TAG_MEMORY)
    }

    fn tell(&self, event: PoolEvent<'_>) {
        if let Some(service) = self.service.get() {
            (service.listener)(event);
        }
    }

    /// Tells of the first failure; those that follow say the same.
    fn fail(&self, event: PoolEvent<'_>, text: String) {
        let is_first = lock(&self.failure).replace(text).is_none();
        if is_first {
            self.tell(event);
        }
    }

    /// Why there was no memory, if there was none.
    pub(super) fn failure(&self) -> Option<String> {
        lock(&self.failure).clone()
    }

    /// Notices a device that refuses the memory although it could not be asked.
    ///
    /// An importer like `v4l2src` takes one buffer to look at, gives it back, then queues several at the device. If the
    /// device refuses, each comes back before the next is taken; if it accepts, some stay out until the end.
    fn note_return(&self) {
        let all_back = self.shortage.returned();
        let arrived = self
            .service
            .get()
            .is_some_and(|service| service.allocator.has_arrived());
        let asked = lock(&self.memory)
            .as_ref()
            .is_none_or(|memory| memory.is_accepted_by_writer());
        if !all_back || arrived || asked || self.obj().is_flushing() {
            return;
        }
        if self.rounds.fetch_add(1, Ordering::Relaxed) + 1 == LOOK_AND_FIRST_TRY {
            self.tell(PoolEvent::GivenBack);
        }
    }
}

impl Service {
    fn count(&self, frame: &Frame) {
        self.stats.buffer_allocated();
        let stats = Arc::clone(&self.stats);
        frame.dmabuf(0).on_close(move |_id| stats.buffer_freed());
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
