//! The element: settings, states and the calls of the base class. What happens to a frame is in `show`, what happens
//! when its owner wants it back in `drain`, what the element tells in `report`.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use drm_import::{Output, OutputEvent};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::subclass::prelude::*;

use super::display::{self, Display};
use super::settings::{self, Settings};
use super::show::Shown;
use super::stream::Stream;
use crate::caps;
use crate::heap::HeapSource;
use crate::pool::{HeapPool, PoolEvent, Writer};
use crate::report;
use crate::sink::refusal::{self, Refusals};
use crate::sink::timing::Timing;
use crate::sink::upload::Uploader;
use crate::stats::PathStats;
use crate::upstream::Upstream;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheapkmssink",
        gst::DebugColorFlags::empty(),
        Some("KMS sink on dma-bufs"),
    )
});

/// Frames that the sink holds at most: one on screen, one on its way there, one that waits.
const HELD_FRAMES: u32 = 3;

/// What exists between state changes and between caps.
#[derive(Debug, Default)]
pub(super) struct State {
    /// From READY to NULL.
    pub(super) display: Option<Display>,
    /// From READY to NULL: where the buffers offered upstream and copies come from.
    pub(super) heap: Option<Arc<HeapSource>>,
    /// From READY; gone after PAUSED → READY, which gives the screen back.
    pub(super) output: Option<Arc<Output>>,
    pub(super) stream: Option<Arc<Stream>>,
    /// The newest frame that the output took.
    pub(super) shown: Option<Shown>,
}

/// The implementation behind [`KmsSink`](super::KmsSink).
#[derive(Debug, Default)]
pub(crate) struct KmsSink {
    settings: Mutex<Settings>,
    state: Mutex<State>,
    refusals: Mutex<Refusals>,
    pub(super) uploader: Mutex<Option<Uploader>>,
    pub(super) path: Arc<PathStats>,
    pub(super) timing: Arc<Mutex<Timing>>,
}

impl KmsSink {
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn timing(&self) -> MutexGuard<'_, Timing> {
        lock(&self.timing)
    }

    /// Opens heap, device and output; nothing changes on screen.
    fn open(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings();
        let heap = HeapSource::open(&settings.heap)
            .map_err(|error| gst::error_msg!(error.code(), ("{}", report::chain(&error))))?;
        let (display, output) = Display::open(&settings)?;
        gst::info!(
            CAT,
            imp = self,
            "{} on a display of {}: {}",
            display.name(),
            display.screen,
            display.caps
        );
        {
            let mut state = self.state();
            state.display = Some(display);
            state.heap = Some(Arc::new(heap));
        }
        self.adopt(output);
        self.notify_display_size();
        Ok(())
    }

    fn close(&self) {
        self.give_back();
        let closed = {
            let mut state = self.state();
            (state.display.take(), state.heap.take())
        };
        drop(closed);
        self.notify_display_size();
    }

    /// Takes the output up again after PAUSED → READY gave it back.
    fn ensure_output(&self) -> Result<(), gst::ErrorMessage> {
        let (display, lit) = {
            let state = self.state();
            (state.display.clone(), state.output.is_some())
        };
        if let (Some(display), false) = (display, lit) {
            let output = display::open_output(&display.device, &self.settings())?;
            self.adopt(output);
        }
        Ok(())
    }

    /// Listens to an output and makes it ours.
    fn adopt(&self, output: Output) {
        let timing = Arc::clone(&self.timing);
        let element = self.obj().downgrade();
        output.on_event(Box::new(move |event| match event {
            OutputEvent::Shown { time, .. } => lock(&timing).appeared(time),
            OutputEvent::Lost(error) => {
                if let Some(element) = element.upgrade() {
                    gst::element_error!(element, gst::ResourceError::Write, ("{error}"));
                }
            }
            _ => {}
        }));
        self.state().output = Some(Arc::new(output));
    }

    /// Gives the screen back: the plane off, the CRTC as it was found, every frame released.
    fn give_back(&self) {
        let (output, shown) = {
            let mut state = self.state();
            state.stream = None;
            (state.output.take(), state.shown.take())
        };
        drop(output);
        drop(shown);
        lock(&self.uploader).take();
        self.path.forget_path();
        self.timing().cleared();
        lock(&self.refusals).clear();
    }

    /// Tells once per distinct question why it got no answer: upstream will only say `not-negotiated`.
    fn warn_refused(&self, asked: &gst::Caps, display: &Display) {
        if asked.is_empty() || !lock(&self.refusals).is_new(asked) {
            return;
        }
        let text = refusal::explain(asked, &display.caps, &display.name());
        gst::element_imp_warning!(
            self,
            gst::CoreError::Negotiation,
            ("{text}"),
            ["asked {asked}, taken {}", display.caps]
        );
    }

    /// A pool of ours failed under upstream's hands.
    fn pool_failed(&self, event: &PoolEvent<'_>) {
        let obj = self.obj();
        let upstream = Upstream::find(obj.sink_pad());
        let source = self.state().heap.clone();
        if let Some(source) = source {
            report::pool_failed(obj.upcast_ref(), event, upstream.as_ref(), &source);
        }
    }

    /// A pool for frames like these, and the size of a buffer. Each query gets its own: an active pool cannot change.
    fn pool_for(&self, stream: &Stream) -> Result<(HeapPool, u32), String> {
        let source = self.state().heap.clone().ok_or("the sink is stopped")?;
        let size = HeapPool::buffer_size(&stream.video).map_err(|error| error.to_string())?;
        let element = self.obj().downgrade();
        let listener = move |event: PoolEvent<'_>| {
            if let Some(element) = element.upgrade() {
                element.imp().pool_failed(&event);
            }
        };
        let pool = HeapPool::new(source, Arc::clone(&self.path), Box::new(listener));
        let imports =
            Upstream::find(self.obj().sink_pad()).is_some_and(|upstream| upstream.imports);
        pool.set_writer(if imports {
            Writer::V4l2
        } else {
            Writer::Element
        });
        Ok((pool, size))
    }

    /// While flushing, no frame is taken, and one that waits for its turn gives up.
    fn flush_output(&self, is_flushing: bool) {
        let output = self.state().output.clone();
        if let Some(output) = output {
            output.set_flushing(is_flushing);
        }
    }

    fn notify_display_size(&self) {
        self.obj().notify("display-width");
        self.obj().notify("display-height");
    }
}

#[glib::object_subclass]
impl ObjectSubclass for KmsSink {
    const NAME: &'static str = "GstDmaheapKmsSink";
    type Type = super::KmsSink;
    type ParentType = gst_video::VideoSink;
}

impl ObjectImpl for KmsSink {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::param_specs()
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: LazyLock<Vec<glib::subclass::Signal>> = LazyLock::new(|| {
            vec![
                // Reads back what is on screen now, through a writeback connector: a sample with caps `BGRx` in the
                // size of the display, or NULL and a warning message where the device cannot.
                glib::subclass::Signal::builder("snapshot")
                    .action()
                    .return_type::<Option<gst::Sample>>()
                    .class_handler(|values| {
                        let sink = values.first()?.get::<super::KmsSink>().ok()?;
                        Some(sink.imp().snapshot().to_value())
                    })
                    .build(),
            ]
        });
        &SIGNALS
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if !lock(&self.settings).set(pspec.name(), value) {
            gst::error!(CAT, imp = self, "property {} cannot be set", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let display_side = |side: fn(&Display) -> u32| {
            i32::try_from(self.state().display.as_ref().map_or(0, side))
                .unwrap_or(i32::MAX)
                .to_value()
        };
        match pspec.name() {
            "display-width" => display_side(|display| display.screen.width),
            "display-height" => display_side(|display| display.screen.height),
            "stats" => self.stats().to_value(),
            name => lock(&self.settings)
                .value(name)
                .unwrap_or_else(|| pspec.default_value().clone()),
        }
    }
}

impl GstObjectImpl for KmsSink {}

impl ElementImpl for KmsSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "KMS sink on dma-bufs",
                "Sink/Video",
                "Shows video on a KMS plane straight from dma-bufs",
                env!("CARGO_PKG_AUTHORS"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            gst::PadTemplate::new(
                "sink",
                gst::PadDirection::Sink,
                gst::PadPresence::Always,
                &caps::template_caps(),
            )
            .into_iter()
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        // Not in `start` and `stop`: the base class adds an error without words to the one that is posted here.
        let opened = match transition {
            gst::StateChange::NullToReady => self.open(),
            gst::StateChange::ReadyToPaused => self.ensure_output(),
            _ => Ok(()),
        };
        if let Err(message) = opened {
            self.post_error_message(message);
            return Err(gst::StateChangeError);
        }
        let success = self
            .parent_change_state(transition)
            .inspect_err(|_posted| {
                if transition == gst::StateChange::NullToReady {
                    self.close();
                }
            })?;
        match transition {
            gst::StateChange::PlayingToPaused => self.timing().paused(),
            gst::StateChange::PausedToReady => self.give_back(),
            gst::StateChange::ReadyToNull => self.close(),
            _ => {}
        }
        Ok(success)
    }
}

impl BaseSinkImpl for KmsSink {
    fn caps(&self, filter: Option<&gst::Caps>) -> Option<gst::Caps> {
        let Some(display) = self.state().display.clone() else {
            return self.parent_caps(filter);
        };
        let Some(filter) = filter else {
            return Some(display.caps);
        };
        let answer = filter.intersect_with_mode(&display.caps, gst::CapsIntersectMode::First);
        if answer.is_empty() && !self.obj().sink_pad().has_current_caps() {
            self.warn_refused(filter, &display);
        }
        Some(answer)
    }

    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let stream =
            Stream::from_caps(caps).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        let output = {
            let state = self.state();
            if state
                .stream
                .as_ref()
                .is_some_and(|stream| stream.caps == *caps)
            {
                return Ok(());
            }
            state
                .output
                .clone()
                .ok_or_else(|| gst::loggable_error!(CAT, "caps {caps} without an output"))?
        };
        self.drain_before(caps);
        let (format, info) = (stream.video.format(), stream.video.info());
        output
            .configure(format, info.width(), info.height())
            .map_err(|error| {
                gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{error}"));
                gst::loggable_error!(CAT, "{error}")
            })?;
        gst::debug!(CAT, imp = self, "{caps} on plane {:?}", output.plane_id());
        self.state().stream = Some(Arc::new(stream));
        self.parent_set_caps(caps)
    }

    fn propose_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let (caps, need_pool) = query.get_owned();
        let caps =
            caps.ok_or_else(|| gst::loggable_error!(CAT, "an ALLOCATION query without caps"))?;
        let stream =
            Stream::from_caps(&caps).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        if need_pool && stream.video.is_linear() {
            let (pool, size) = self
                .pool_for(&stream)
                .map_err(|text| gst::loggable_error!(CAT, "{text}"))?;
            query.add_allocation_pool(Some(&pool), size, HELD_FRAMES + 1, 0);
        }
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        query.add_allocation_meta::<gst_video::VideoCropMeta>(None);
        Ok(())
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        match query.view() {
            gst::QueryView::Allocation(allocation) => {
                if let Some(caps) = allocation.get().0 {
                    self.drain_before(caps);
                }
            }
            gst::QueryView::Drain(_) => self.drain(),
            _ => {}
        }
        let handled = BaseSinkImplExt::parent_query(self, query);
        if let gst::QueryView::AcceptCaps(accept) = query.view()
            && !accept.result()
            && let Some(display) = self.state().display.clone()
        {
            self.warn_refused(&accept.caps_owned(), &display);
        }
        handled
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        self.flush_output(true);
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        self.flush_output(false);
        Ok(())
    }
}

impl VideoSinkImpl for KmsSink {
    fn show_frame(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.show(buffer)
    }
}

/// A panic elsewhere while a lock was held leaves values that are still whole: every change is a single assignment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
