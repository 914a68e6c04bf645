use gst::glib;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::origin::Origin;
use crate::allocator::HeapAllocator;
use crate::caps::{VideoCaps, template_caps};
use crate::copier::{Copier, CopyError};
use crate::frame::not_dmabuf;
use crate::heap::{self, HeapSource};
use crate::pool::{HeapPool, PoolEvent, PoolListener};
use crate::report::chain;
use crate::stats::{CopyReason, Counter, Path, PathStats};
use crate::upstream::Upstream;
use crate::zero_copy::ZeroCopy;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheapalloc",
        gst::DebugColorFlags::empty(),
        Some("dma-buf heap pool provider"),
    )
});

const DEFAULT_HEAP: &str = heap::AUTO;
const DEFAULT_MIN_BUFFERS: u32 = 0;
const DEFAULT_MAX_BUFFERS: u32 = 0;

#[derive(Debug, Clone)]
struct Settings {
    heap: String,
    min_buffers: u32,
    max_buffers: u32,
    zero_copy: ZeroCopy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heap: DEFAULT_HEAP.to_owned(),
            min_buffers: DEFAULT_MIN_BUFFERS,
            max_buffers: DEFAULT_MAX_BUFFERS,
            zero_copy: ZeroCopy::default(),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    source: Option<Arc<HeapSource>>,
    caps: Option<gst::Caps>,
    copier: Option<Arc<Copier>>,
    upstream: Option<Upstream>,
}

/// State of the element.
#[derive(Debug, Default)]
pub(crate) struct HeapAlloc {
    settings: Mutex<Settings>,
    state: Mutex<State>,
    stats: Arc<PathStats>,
}

impl HeapAlloc {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_heap(&self) -> Result<(), gst::StateChangeError> {
        let name = self.settings().heap.clone();
        match HeapSource::open(&name) {
            Ok(source) => {
                gst::debug!(CAT, imp = self, "opened heap {name}");
                self.state().source = Some(Arc::new(source));
                Ok(())
            }
            Err(error) => {
                gst::element_imp_error!(self, error.code(), ("{}", chain(&error)));
                Err(gst::StateChangeError)
            }
        }
    }

    fn new_pool(&self, source: &Arc<HeapSource>) -> HeapPool {
        let element = self.obj().downgrade();
        let listener: PoolListener = Box::new(move |event| {
            if let Some(element) = element.upgrade() {
                element.imp().on_pool_event(&event);
            }
        });
        HeapPool::new(Arc::clone(source), Arc::clone(&self.stats), listener)
    }

    /// Puts our pool and allocator in front of those of downstream, and keeps its metas as they are.
    fn propose(&self, query: &mut gst::query::Allocation) -> Result<(), gst::LoggableError> {
        let (Some(caps), _need_pool) = query.get_owned() else {
            return Err(gst::loggable_error!(CAT, "ALLOCATION query without caps"));
        };
        let video =
            VideoCaps::parse(&caps).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        if !video.is_linear() {
            gst::debug!(
                CAT,
                imp = self,
                "{} is for its driver to allocate",
                video.format()
            );
            return Ok(());
        }
        let Some(source) = self.state().source.clone() else {
            return Err(gst::loggable_error!(CAT, "no heap is open"));
        };
        let size = match HeapPool::buffer_size(&video) {
            Ok(size) => size,
            Err(error) => {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::Settings,
                    ("{caps}: {}", chain(&error))
                );
                return Err(gst::loggable_error!(CAT, "{error}"));
            }
        };

        let upstream = Upstream::find(self.obj().sink_pad());
        gst::debug!(CAT, imp = self, "upstream is {upstream:?}");
        self.state().upstream = upstream;
        self.put_first(query, &source, size);
        Ok(())
    }

    fn put_first(&self, query: &mut gst::query::Allocation, source: &Arc<HeapSource>, size: u32) {
        let Settings {
            min_buffers,
            max_buffers,
            ..
        } = *self.settings();
        let downstream: Vec<_> = query.allocation_pools().collect();
        let min = downstream
            .first()
            .map_or(0, |&(_, _, min, _)| min)
            .max(min_buffers);
        let max = if max_buffers == 0 {
            0
        } else {
            max_buffers.max(min)
        };
        let pool = self.new_pool(source);
        pool.require(min_buffers);
        gst::debug!(
            CAT,
            imp = self,
            "proposing {min} to {max} buffers of {size} bytes"
        );
        if downstream.is_empty() {
            query.add_allocation_pool(Some(&pool), size, min, max);
        } else {
            query.set_nth_allocation_pool(0, Some(&pool), size, min, max);
            for (pool, size, min, max) in downstream {
                query.add_allocation_pool(pool.as_ref(), size, min, max);
            }
        }

        let allocator = HeapAllocator::new(Arc::clone(source), Arc::clone(&self.stats));
        let params: Vec<_> = query.allocation_params().collect();
        match params.into_iter().next() {
            Some((_theirs, params)) => query.set_nth_allocation_param(0, Some(&allocator), params),
            None => query.add_allocation_param(Some(&allocator), gst::AllocationParams::default()),
        }
    }

    /// Passes a buffer on, in a dma-buf whatever it came in.
    fn route(&self, buffer: gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
        self.stats.add(Counter::Frames, 1);
        match Origin::of(&buffer, &self.stats) {
            Origin::Pool => {
                self.stats.add(Counter::Imported, 1);
                self.tell_path(Path::Pool);
                Ok(buffer)
            }
            Origin::Foreign => {
                self.stats.add(Counter::Foreign, 1);
                self.tell_path(Path::Foreign);
                Ok(buffer)
            }
            Origin::Ordinary(index) if self.settings().zero_copy == ZeroCopy::Required => {
                self.refuse_copy(&buffer, index);
                Err(gst::FlowError::Error)
            }
            Origin::Ordinary(_) => self.copy(&buffer),
        }
    }

    fn copy(&self, buffer: &gst::BufferRef) -> Result<gst::Buffer, gst::FlowError> {
        let copied = self.copier().and_then(|copier| copier.copy(buffer));
        match copied {
            Ok(copied) => {
                self.stats.count_copy(CopyReason::NotDmaBuf, copied.bytes);
                self.stats.add(Counter::SyncIoctls, copied.sync_ioctls);
                self.tell_path(Path::Copy);
                Ok(copied.buffer)
            }
            Err(CopyError::Pool(flow)) => Err(flow),
            Err(error) => {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::Failed,
                    ("cannot copy a frame to the heap: {}", chain(&error))
                );
                Err(gst::FlowError::Error)
            }
        }
    }

    fn copier(&self) -> Result<Arc<Copier>, CopyError> {
        let (copier, caps, source) = {
            let state = self.state();
            (
                state.copier.clone(),
                state.caps.clone(),
                state.source.clone(),
            )
        };
        if let Some(copier) = copier {
            return Ok(copier);
        }
        let (Some(caps), Some(source)) = (caps, source) else {
            return Err(CopyError::Pool(gst::FlowError::NotNegotiated));
        };
        let video = VideoCaps::parse(&caps).map_err(|error| glib::bool_error!("{error}"))?;
        let copier = Arc::new(Copier::new(self.new_pool(&source), &caps, &video)?);
        self.state().copier = Some(Arc::clone(&copier));
        Ok(copier)
    }

    fn refuse_copy(&self, buffer: &gst::BufferRef, index: usize) {
        let upstream = Upstream::find(self.obj().sink_pad());
        let who = upstream.map_or_else(|| "upstream".to_owned(), |it| it.label());
        let memory = not_dmabuf(index, buffer.peek_memory(index));
        gst::element_imp_error!(
            self,
            gst::StreamError::WrongType,
            (
                "{who} brings frames that would have to be copied, and zero-copy=required forbids it: {memory}. \
                 Let it write into the proposed pool (v4l2src: io-mode=dmabuf-import) or bring dma-bufs of its own \
                 (v4l2src: io-mode=dmabuf), or allow a copy of {} bytes per frame by zero-copy=preferred",
                buffer.size()
            )
        );
    }

    fn tell_path(&self, path: Path) {
        let Some(change) = self.stats.note_path(path) else {
            return;
        };
        let source = self.state().source.clone();
        let structure = gst::Structure::builder("dmaheap-path")
            .field("path", change.to.name())
            .field("previous", change.from.map_or("none", Path::name))
            .field(
                "heap",
                source.map_or_else(String::new, |source| source.name()),
            )
            .build();
        gst::debug!(CAT, imp = self, "{structure}");
        let message = gst::message::Element::builder(structure)
            .src(&*self.obj())
            .build();
        if let Err(error) = self.obj().post_message(message) {
            gst::debug!(CAT, imp = self, "nobody listens: {error}");
        }
    }

    fn on_pool_event(&self, event: &PoolEvent<'_>) {
        match event {
            PoolEvent::AllocationFailed(error) => gst::element_imp_error!(
                self,
                gst::ResourceError::NoSpaceLeft,
                ("no memory for another frame: {}", chain(*error))
            ),
            PoolEvent::GivenBack => self.tell_refusal(),
        }
    }

    /// The importer upstream queued a buffer and got it back unused. It will fail with an error that names nothing.
    fn tell_refusal(&self) {
        let (upstream, source) = {
            let state = self.state();
            (state.upstream.clone(), state.source.clone())
        };
        let (Some(upstream), Some(source)) = (upstream.filter(|it| it.imports), source) else {
            return;
        };
        let name = source.name();
        gst::element_imp_error!(
            self,
            gst::ResourceError::Settings,
            (
                "{} refuses memory of the heap {name}: {}",
                upstream.label(),
                source.why_refused()
            )
        );
    }
}

#[glib::object_subclass]
impl ObjectSubclass for HeapAlloc {
    const NAME: &'static str = "GstDmaheapAlloc";
    type Type = super::HeapAlloc;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for HeapAlloc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            vec![
                glib::ParamSpecString::builder("heap")
                    .nick("Heap")
                    .blurb("Name of the dma-buf heap to take memory from, or auto for the first that works")
                    .default_value(Some(DEFAULT_HEAP))
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("min-buffers")
                    .nick("Minimum buffers")
                    .blurb("Buffers to allocate at the start, at least; what downstream asks for may be more")
                    .default_value(DEFAULT_MIN_BUFFERS)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("max-buffers")
                    .nick("Maximum buffers")
                    .blurb("Buffers to allocate at most; upstream waits for one to come back then (0 = no limit)")
                    .default_value(DEFAULT_MAX_BUFFERS)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("zero-copy", ZeroCopy::default())
                    .nick("Zero copy")
                    .blurb("What to do with frames that are not in a dma-buf")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Frames by the path they took, copies and their reasons, buffers, and which heap serves and why")
                    .read_only()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings();
        match pspec.name() {
            "heap" => {
                let name: Option<String> = value.get().unwrap_or_default();
                settings.heap = name.unwrap_or_else(|| DEFAULT_HEAP.to_owned());
            }
            "min-buffers" => settings.min_buffers = value.get().unwrap_or(DEFAULT_MIN_BUFFERS),
            "max-buffers" => settings.max_buffers = value.get().unwrap_or(DEFAULT_MAX_BUFFERS),
            "zero-copy" => settings.zero_copy = value.get().unwrap_or_default(),
            other => gst::error!(CAT, imp = self, "no property {other} to set"),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings().clone();
        match pspec.name() {
            "heap" => settings.heap.to_value(),
            "min-buffers" => settings.min_buffers.to_value(),
            "max-buffers" => settings.max_buffers.to_value(),
            "zero-copy" => settings.zero_copy.to_value(),
            "stats" => self.stats.to_structure("dmaheapalloc-stats").to_value(),
            _ => pspec.default_value().clone(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_passthrough(true);
    }
}

impl GstObjectImpl for HeapAlloc {}

impl ElementImpl for HeapAlloc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "dma-buf heap allocator",
                "Filter/Video",
                "Makes upstream write into dma-bufs of a heap, and passes everything through",
                env!("CARGO_PKG_AUTHORS"),
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let caps = template_caps();
            let template = |name, direction| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps)
            };
            [
                template("sink", gst::PadDirection::Sink),
                template("src", gst::PadDirection::Src),
            ]
            .into_iter()
            .filter_map(Result::ok)
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::NullToReady {
            self.open_heap()?;
        }
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::ReadyToNull {
            let source = self.state().source.take();
            drop(source);
        }
        Ok(success)
    }
}

impl BaseTransformImpl for HeapAlloc {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::AlwaysInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = true;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let source = self.state().source.clone();
        let ended = std::mem::replace(
            &mut *self.state(),
            State {
                source,
                ..State::default()
            },
        );
        drop(ended);
        self.stats.forget_path();
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let copier = {
            let mut state = self.state();
            state.caps = Some(incaps.clone());
            state.copier.take()
        };
        drop(copier);
        Ok(())
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        if let Err(error) = self.parent_propose_allocation(decide_query, query) {
            gst::debug!(CAT, imp = self, "downstream proposes nothing: {error}");
        }
        self.propose(query)
    }

    fn submit_input_buffer(
        &self,
        is_discont: bool,
        inbuf: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let outbuf = self.route(inbuf)?;
        self.parent_submit_input_buffer(is_discont, outbuf)
    }
}
