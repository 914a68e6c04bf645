//! The element: its states and the calls of its base class. What it proposes is in `propose`, what happens to a buffer
//! in `route`.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use dmabuf_heap::Importer;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::settings::{self, Settings};
use super::too_large::too_large;
use crate::caps::template_caps;
use crate::copier::Copier;
use crate::heap::HeapSource;
use crate::judged::Judged;
use crate::pool::Answers;
use crate::report::chain;
use crate::stats::PathStats;
use crate::sync::lock;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheapalloc",
        gst::DebugColorFlags::empty(),
        Some("dma-buf heap pool provider"),
    )
});

#[derive(Debug, Default)]
pub(super) struct State {
    /// From READY to NULL.
    pub(super) source: Option<Arc<HeapSource>>,
    pub(super) caps: Option<gst::Caps>,
    /// From the first frame in ordinary memory until the next caps.
    pub(super) copier: Option<Arc<Copier>>,
    /// Who downstream imports frames of these caps; `None` if nobody has asked.
    pub(super) readers: Option<Vec<Arc<dyn Importer>>>,
    /// Told once per start: the question is asked many times.
    too_large_told: bool,
}

/// State of the element.
#[derive(Debug, Default)]
pub(crate) struct HeapAlloc {
    settings: Mutex<Settings>,
    state: Mutex<State>,
    pub(super) stats: Arc<PathStats>,
    pub(super) judged: Judged,
    pub(super) answers: Answers,
}

impl HeapAlloc {
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn open_heap(&self) -> Result<(), gst::StateChangeError> {
        let name = self.settings().heap;
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

    fn warn_too_large(&self, picture: &str) {
        if std::mem::replace(&mut self.state().too_large_told, true) {
            return;
        }
        gst::element_imp_warning!(
            self,
            gst::StreamError::Format,
            ("{picture} is larger than GStreamer can lay out (2 GiB per buffer); ask for a smaller picture")
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
        settings::param_specs()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if !lock(&self.settings).set(pspec.name(), value) {
            gst::error!(CAT, imp = self, "property {} cannot be set", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats.to_structure("dmaheapalloc-stats").to_value(),
            name => self
                .settings()
                .value(name)
                .unwrap_or_else(|| pspec.default_value().clone()),
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
        self.judged.clear();
        self.answers.forget();
        self.stats.forget_path();
        Ok(())
    }

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        self.state().caps = Some(incaps.clone());
        self.forget_readers();
        Ok(())
    }

    fn src_event(&self, event: gst::Event) -> bool {
        if let gst::EventView::Reconfigure(_) = event.view() {
            self.forget_readers();
        }
        self.parent_src_event(event)
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        if direction == gst::PadDirection::Sink
            && let gst::QueryView::Caps(caps) = query.view()
            && let Some(picture) = caps.filter().and_then(too_large)
        {
            self.warn_too_large(&picture);
        }
        BaseTransformImplExt::parent_query(self, direction, query)
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
