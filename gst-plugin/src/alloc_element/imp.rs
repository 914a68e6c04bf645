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
use crate::caps::filter_templates;
use crate::copier::Copier;
use crate::judged::Judged;
use crate::outlet::Outlet;
use crate::pool::Answers;
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
    pub(super) outlet: Outlet,
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
        let name = pspec.name();
        if !self.outlet.set_property(name, value) && !lock(&self.settings).set(name, value) {
            gst::error!(CAT, imp = self, "property {} cannot be set", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => {
                let stats = self.outlet.stats();
                stats.to_structure("dmaheapalloc-stats").to_value()
            }
            name => {
                let own = self.settings().value(name);
                own.or_else(|| self.outlet.property(name))
                    .unwrap_or_else(|| pspec.default_value().clone())
            }
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
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(filter_templates);
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::NullToReady {
            self.outlet.open(self.obj().upcast_ref())?;
        }
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::ReadyToNull {
            self.outlet.close();
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
        let ended = std::mem::take(&mut *self.state());
        drop(ended);
        self.judged.clear();
        self.answers.forget();
        self.outlet.stats().forget_path();
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
