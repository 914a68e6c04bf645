//! The element: its states and the calls of its base class.

use std::sync::{Arc, LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use super::caps::{self, Fixing};
use super::choice::Backends;
use super::effort::Efforts;
use super::settings::{self, Settings};
use super::state::State;
use crate::caps::{VideoCaps, filter_templates, template_caps};
use crate::ffi::video_direction::VideoDirection;
use crate::outlet::Outlet;
use crate::pool::Answers;
use crate::sync::lock;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheapconvert",
        gst::DebugColorFlags::empty(),
        Some("conversions from dma-buf to dma-buf"),
    )
});

/// State of the element.
#[derive(Debug, Default)]
pub(crate) struct Convert {
    settings: Mutex<Settings>,
    pub(super) state: Mutex<State>,
    pub(super) outlet: Outlet,
    pub(super) answers: Answers,
    pub(super) effort: Efforts,
}

impl Convert {
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    fn stats(&self) -> gst::Structure {
        let mut stats = self.outlet.stats().to_structure("dmaheapconvert-stats");
        let (backend, reason) = self.state().chosen.clone();
        stats.set("backend", backend);
        stats.set("backend-reason", reason);
        self.effort.tell(&mut stats);
        stats
    }

    fn open_backends(&self) -> Result<(), gst::StateChangeError> {
        match Backends::open(&self.settings()) {
            Ok(backends) => {
                gst::debug!(CAT, imp = self, "{backends:?}");
                self.state().backends = Some(Arc::new(backends));
                Ok(())
            }
            Err(error) => {
                gst::element_imp_error!(self, gst::ResourceError::NotFound, ("{error}"));
                Err(gst::StateChangeError)
            }
        }
    }

    /// A frame may be at work until the next one comes. A backend that takes longer cannot keep up at all.
    fn add_latency(&self, latency: &mut gst::query::Latency) {
        let task = self.state().task.clone();
        let fps = task.map(|task| task.job.from.info().fps());
        let Some(fps) = fps.filter(|fps| fps.numer() > 0) else {
            return;
        };
        let (numerator, denominator) = (fps.numer().unsigned_abs(), fps.denom().unsigned_abs());
        let own = gst::ClockTime::SECOND.mul_div_floor(denominator.into(), numerator.into());
        let own = own.unwrap_or(gst::ClockTime::ZERO);
        let (is_live, min, max) = latency.result();
        latency.set(is_live, min + own, max.map(|max| max + own));
    }
}

#[glib::object_subclass]
impl ObjectSubclass for Convert {
    const NAME: &'static str = "GstDmaheapConvert";
    type Type = super::Convert;
    type ParentType = gst_base::BaseTransform;
    type Interfaces = (VideoDirection,);
}

impl ObjectImpl for Convert {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::param_specs()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let name = pspec.name();
        if !self.outlet.set_property(name, value) && !lock(&self.settings).set(name, value) {
            gst::error!(CAT, imp = self, "property {name} cannot be set");
        }
        if settings::is_wish(name) {
            self.obj().reconfigure_src();
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => self.stats().to_value(),
            name => {
                let own = self.settings().value(name);
                own.or_else(|| self.outlet.property(name))
                    .unwrap_or_else(|| pspec.default_value().clone())
            }
        }
    }
}

impl GstObjectImpl for Convert {}

impl ElementImpl for Convert {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "dma-buf video converter",
                "Filter/Converter/Video/Scaler",
                "Scales, converts, crops, turns and mirrors video from dma-buf to dma-buf, by a mem2mem device or the CPU",
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
            self.open_backends()?;
        }
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::ReadyToPaused {
            self.look_upstream();
        }
        if transition == gst::StateChange::ReadyToNull {
            self.state().backends = None;
            self.outlet.close();
        }
        Ok(success)
    }
}

impl BaseTransformImpl for Convert {
    const MODE: gst_base::subclass::BaseTransformMode =
        gst_base::subclass::BaseTransformMode::NeverInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        let ended = {
            let mut state = self.state();
            state.settled = None;
            state.refused = None;
            state.task.take()
        };
        drop(ended);
        lock(&self.settings).direction.forget();
        self.answers.forget();
        self.outlet.stats().forget_path();
        Ok(())
    }

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let backends = self.state().backends.clone();
        let others = match backends {
            Some(backends) => {
                let wishes = self.settings().wishes();
                caps::transform(caps, direction, &backends.all, wishes)
            }
            // Elements are linked before devices are looked for, and anything may turn up.
            None => template_caps(),
        };
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&others, gst::CapsIntersectMode::First),
            None => others,
        })
    }

    fn query(&self, direction: gst::PadDirection, query: &mut gst::QueryRef) -> bool {
        let handled = BaseTransformImplExt::parent_query(self, direction, query);
        if direction == gst::PadDirection::Sink
            && let gst::QueryView::Caps(caps) = query.view()
            && let (Some(asked), Some(answer)) = (caps.filter_owned(), caps.result_owned())
            && answer.is_empty()
        {
            self.warn_refused(&asked);
        }
        if handled && let gst::QueryViewMut::Latency(latency) = query.view_mut() {
            self.add_latency(latency);
        }
        handled
    }

    fn fixate_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        othercaps: gst::Caps,
    ) -> gst::Caps {
        let fixing = Fixing {
            direction,
            backends: &self.backends().all,
            wishes: self.settings().wishes(),
        };
        caps::fixate(caps, othercaps, &fixing)
    }

    fn set_caps(&self, incaps: &gst::Caps, outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let wishes = self.settings().wishes();
        let task = self.settle(incaps, outcaps, wishes);
        self.put_task(task.map_err(|error| self.not_negotiated(&*error))?, wishes);
        Ok(())
    }

    fn unit_size(&self, caps: &gst::Caps) -> Option<usize> {
        VideoCaps::parse(caps).ok().map(|video| video.info().size())
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        let is_turned = lock(&self.settings).direction.hear(&event);
        if is_turned {
            self.obj().reconfigure_src();
        }
        self.parent_sink_event(event)
    }

    fn submit_input_buffer(
        &self,
        is_discont: bool,
        inbuf: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let wishes = self.settings().wishes();
        if self.has_other_wishes(wishes) {
            self.settle_again(wishes);
        }
        let submitted = self.parent_submit_input_buffer(is_discont, inbuf)?;
        // If they are others again by now, the next frame sees to it.
        if self.has_other_wishes(wishes) && self.settings().wishes() == wishes {
            let text = "what is wanted now cannot be done in these caps";
            gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{text}"));
            return Err(gst::FlowError::NotNegotiated);
        }
        Ok(submitted)
    }

    fn propose_allocation(
        &self,
        decide_query: Option<&gst::query::Allocation>,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.parent_propose_allocation(decide_query, query)?;
        if decide_query.is_some() {
            self.propose(query)?;
        }
        Ok(())
    }

    fn decide_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.decide(query)
    }

    fn transform_meta<'a>(
        &self,
        outbuf: &mut gst::BufferRef,
        meta: gst::MetaRef<'a, gst::Meta>,
        inbuf: &'a gst::BufferRef,
    ) -> bool {
        // What it was about is cut out.
        if meta.downcast_ref::<gst_video::VideoCropMeta>().is_some() {
            return false;
        }
        let task = self.state().task.clone();
        let stays = task.is_some_and(|task| meta.tags_contain_only(task.settled.kept_tags()));
        stays || self.parent_transform_meta(outbuf, meta, inbuf)
    }

    fn transform(
        &self,
        inbuf: &gst::Buffer,
        outbuf: &mut gst::BufferRef,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let task = self.state().task.clone();
        let task = task.ok_or(gst::FlowError::NotNegotiated)?;
        self.convert(task, inbuf, outbuf)?;
        Ok(gst::FlowSuccess::Ok)
    }
}
