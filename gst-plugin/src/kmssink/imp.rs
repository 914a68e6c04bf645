//! The element: settings, state and the calls of the base class. What they do is in the modules beside: `lifecycle`,
//! `negotiation`, `show` for the way of a frame, `drain` for its way back, `report` for what the element tells.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use dmabuf_heap::Importer;
use drm_import::Output;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::subclass::prelude::*;

use super::display::Display;
use super::settings::{self, Settings};
use super::show::Shown;
use super::stream::Stream;
use crate::caps;
use crate::heap::HeapSource;
use crate::judged::Judged;
use crate::sink::refusal::Refusals;
use crate::sink::timing::Timing;
use crate::sink::upload::Uploader;
use crate::stats::PathStats;
use crate::sync::lock;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheapkmssink",
        gst::DebugColorFlags::empty(),
        Some("KMS sink on dma-bufs"),
    )
});

/// What exists between state changes and between caps.
#[derive(Debug, Default)]
pub(super) struct State {
    /// From READY to NULL.
    pub(super) display: Option<Display>,
    /// From READY to NULL: where the buffers offered upstream and copies come from.
    pub(super) heap: Option<Arc<HeapSource>>,
    /// From READY; gone after PAUSED → READY, which gives the screen back.
    pub(super) output: Option<Arc<Output>>,
    /// The output, as others ask it. It holds nothing open.
    pub(super) importer: Option<Arc<dyn Importer>>,
    pub(super) stream: Option<Arc<Stream>>,
    /// The newest frame that the output took.
    pub(super) shown: Option<Shown>,
}

/// The implementation behind [`KmsSink`](super::KmsSink).
#[derive(Debug, Default)]
pub(crate) struct KmsSink {
    settings: Mutex<Settings>,
    state: Mutex<State>,
    pub(super) refusals: Mutex<Refusals>,
    pub(super) uploader: Mutex<Option<Uploader>>,
    /// Frames that the output refused.
    pub(super) refused: Judged,
    /// Whether upstream has been told that frames of the current caps are refused.
    pub(super) refusal_told: AtomicBool,
    pub(super) path: Arc<PathStats>,
    pub(super) timing: Arc<Mutex<Timing>>,
}

impl KmsSink {
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(super) fn force_aspect_ratio(&self) -> bool {
        lock(&self.settings).force_aspect_ratio
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn timing(&self) -> MutexGuard<'_, Timing> {
        lock(&self.timing)
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
            gst::StateChange::ReadyToPaused => self.look_upstream(),
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
        let display = self.state().display.clone();
        match display {
            Some(display) => Some(self.answer_caps(filter, &display)),
            None => self.parent_caps(filter),
        }
    }

    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        self.accept_caps(caps)?;
        self.parent_set_caps(caps)
    }

    fn propose_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.propose(query)
    }

    fn event(&self, event: gst::Event) -> bool {
        if let gst::EventView::FlushStop(_) = event.view() {
            self.expect_new_frame();
        }
        self.parent_event(event)
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
        let display = self.state().display.clone();
        if let (gst::QueryView::AcceptCaps(accept), Some(display)) = (query.view(), display)
            && !accept.result()
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
