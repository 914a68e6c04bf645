//! The pool's vtable: configurations are judged, buffers made and counted, refusals by a device noticed.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use dmabuf_heap::{AllocateError, Frame, LayoutRequest};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_video::{VideoAlignment, VideoBufferPoolConfig, VideoFormat, VideoFrameFlags, VideoMeta};

use super::layout::{Shape, Writer};
use super::shelf::Shelf;
use super::shortage::Shortage;
use super::{PoolEvent, PoolListener};
use crate::allocator::HeapAllocator;
use crate::caps::{VideoCaps, video_format};
use crate::heap::HeapSource;
use crate::panic::contained;
use crate::report::chain;
use crate::stats::PathStats;
use crate::sync::lock;
use crate::{CAT, ffi};

/// Returns that make a refusal: the look at a buffer, and the first try to queue one.
const LOOK_AND_FIRST_TRY: u32 = 2;

/// State of the pool object.
#[derive(Default)]
pub(crate) struct HeapPool {
    service: OnceLock<Service>,
    writer: Mutex<Writer>,
    configured: Mutex<Option<Configured>>,
    failure_told: AtomicBool,
    starting: AtomicBool,
    least: AtomicU32,
    shelf: Shelf,
    shortage: Shortage,
    rounds: AtomicU32,
}

/// What a pool has for life.
struct Service {
    source: Arc<HeapSource>,
    allocator: HeapAllocator,
    stats: Arc<PathStats>,
    listener: PoolListener,
}

/// What `set_config` settled.
#[derive(Clone)]
struct Configured {
    request: LayoutRequest,
    format: VideoFormat,
    alignment: Option<VideoAlignment>,
    size: usize,
    /// Buffers made at the start.
    min: u32,
}

/// Why a buffer was not made.
#[derive(Debug, thiserror::Error)]
enum BufferError {
    #[error("the pool is not configured")]
    NotConfigured,
    #[error(transparent)]
    Allocate(#[from] AllocateError),
    #[error("GStreamer refused the memory: {0}")]
    Gst(#[from] glib::BoolError),
    #[error("{0} planes do not fit a GstVideoMeta")]
    Meta(usize),
    #[error("allocator {allocator} made {count} dma-bufs for a buffer of one memory")]
    Several { allocator: String, count: usize },
}

impl HeapPool {
    pub(super) fn open_with(
        &self,
        source: Arc<HeapSource>,
        stats: Arc<PathStats>,
        listener: PoolListener,
    ) {
        let allocator = HeapAllocator::new(Arc::clone(&source), Arc::clone(&stats));
        self.service.get_or_init(|| Service {
            source,
            allocator,
            stats,
            listener,
        });
    }

    pub(super) fn set_writer(&self, writer: Writer) {
        *lock(&self.writer) = writer;
    }

    fn writer(&self) -> Writer {
        *lock(&self.writer)
    }

    pub(super) fn require(&self, min_buffers: u32) {
        self.least.store(min_buffers, Ordering::Relaxed);
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
        let shape = Shape::of(&video, size.into(), alignment.as_ref(), self.writer())
            .inspect_err(|error| gst::warning!(CAT, imp = self, "{error}"))
            .ok()?;

        let needed = u32::try_from(shape.len).ok()?;
        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
        let least = self.least.load(Ordering::Relaxed);
        if size < needed || min < least {
            let (size, min) = (size.max(needed), min.max(least));
            gst::debug!(
                CAT,
                imp = self,
                "asking for {min} buffers of {size} bytes instead, for {shape:?}"
            );
            config.set_params(
                Some(&caps),
                size,
                min,
                if max == 0 { 0 } else { max.max(min) },
            );
            return Some(false);
        }
        gst::debug!(
            CAT,
            imp = self,
            "{caps}: {size} bytes, {min} to {max} buffers, {shape:?}"
        );
        *lock(&self.configured) = Some(Configured {
            request: shape.request(size.into()),
            format: video_format(video.format().fourcc).unwrap_or(VideoFormat::DmaDrm),
            alignment,
            size: size as usize,
            min,
        });
        Some(true)
    }

    fn make_buffer(&self) -> Result<gst::Buffer, BufferError> {
        let configured = lock(&self.configured).clone();
        let (Some(configured), Some(service)) = (configured, self.service.get()) else {
            return Err(BufferError::NotConfigured);
        };
        let frame = service.source.allocate(&configured.request)?;
        if let Some(served) = service.source.served() {
            service
                .stats
                .set_heap(served.allocator.name(), &served.reason);
        }
        service.count(&frame);
        service.wrap(&frame, &configured)
    }

    /// Rather than make one more buffer for a camera, waits a little for one that is out.
    fn wait_out_shortage(&self) {
        let min = lock(&self.configured).as_ref().map_or(0, |it| it.min);
        if self.writer() == Writer::V4l2 && min > 0 {
            let obj = self.obj();
            if !self.shortage.wait_below(min, || obj.is_flushing()) {
                gst::info!(
                    CAT,
                    imp = self,
                    "all {min} buffers stay out, making one more"
                );
            }
        }
    }

    /// Whether a buffer can be used again; the base class throws away what is not.
    fn is_intact(&self, buffer: &gst::BufferRef) -> bool {
        let size = lock(&self.configured).as_ref().map_or(0, |it| it.size);
        buffer.size() == size
            && buffer.is_all_memory_writable()
            && !buffer.flags().contains(gst::BufferFlags::TAG_MEMORY)
    }

    fn tell(&self, event: PoolEvent<'_>) {
        if let Some(service) = self.service.get() {
            (service.listener)(event);
        }
    }

    /// Notices a device that refuses the memory.
    ///
    /// An importer like `v4l2src` takes one buffer to look at, gives it back, then queues several at the device. If the
    /// device refuses, each comes back before the next is taken; if it accepts, some stay out until the end.
    fn note_return(&self) {
        let all_back = self.shortage.returned();
        let arrived = self
            .service
            .get()
            .is_some_and(|service| service.allocator.has_arrived());
        if !all_back || arrived || self.obj().is_flushing() {
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

    /// A buffer of `configured.size` bytes in one memory, with the meta that describes it.
    fn wrap(&self, frame: &Frame, configured: &Configured) -> Result<gst::Buffer, BufferError> {
        let [dmabuf] = frame.dmabufs().collect::<Vec<_>>()[..] else {
            return Err(BufferError::Several {
                allocator: self.source.name(),
                count: frame.dmabufs().count(),
            });
        };
        let memory = ffi::memory::wrap(&self.allocator, Arc::clone(dmabuf), 0, configured.size)?;
        let mut buffer = gst::Buffer::new();
        let inner = buffer.make_mut();
        inner.append_memory(memory);

        let layout = frame.layout();
        let planes = layout.planes();
        let meta_error = |_beyond: std::num::TryFromIntError| BufferError::Meta(planes.len());
        let mut offsets = Vec::with_capacity(planes.len());
        let mut strides = Vec::with_capacity(planes.len());
        for plane in planes {
            offsets.push(usize::try_from(plane.offset).map_err(meta_error)?);
            strides.push(i32::try_from(plane.stride).map_err(meta_error)?);
        }
        let (width, height) = (layout.width(), layout.height());
        let flags = VideoFrameFlags::empty();
        let mut meta = VideoMeta::add_full(
            inner,
            flags,
            configured.format,
            width,
            height,
            &offsets,
            &strides,
        )?;
        if let Some(alignment) = &configured.alignment {
            meta.set_alignment(alignment)?;
        }
        Ok(buffer)
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

    /// Preallocates. What was made before a failure is freed at once: GStreamer itself would leak it.
    fn start(&self) -> bool {
        self.starting.store(true, Ordering::Relaxed);
        let started = self.parent_start();
        self.starting.store(false, Ordering::Relaxed);
        if !started {
            self.parent_stop();
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
                gst::error!(CAT, imp = self, "{}", chain(&error));
                if let BufferError::Allocate(error) = &error
                    && !self.failure_told.swap(true, Ordering::Relaxed)
                {
                    self.tell(PoolEvent::AllocationFailed(error));
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
        let taken = self.shelf.take_or(|| self.parent_acquire_buffer(params));
        let buffer = taken.or_else(|acquired| acquired)?;
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
        self.parent_stop()
    }
}
