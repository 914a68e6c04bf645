//! The element: its states and the calls of its base class. How it agrees with downstream is in `negotiate`, what happens to
//! a frame in `deliver`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::base_src::CreateSuccess;
use gst_base::subclass::prelude::*;

use super::camera::Camera;
use super::choice::Choice;
use super::format;
use super::settings::{self, Settings};
use super::stream::Stream;
use super::time::{self, Sequence};
use super::wake::Wake;
use crate::caps;
use crate::outlet::{self, Outlet};
use crate::sync::lock;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheapv4l2src",
        gst::DebugColorFlags::empty(),
        Some("V4L2 source on dma-bufs"),
    )
});

#[derive(Debug, Default)]
pub(super) struct State {
    /// From READY to NULL.
    pub(super) camera: Option<Arc<Camera>>,
    pub(super) wake: Option<Arc<Wake>>,
    /// What downstream was told last.
    pub(super) choice: Option<Choice>,
    /// From the answer to the ALLOCATION query on.
    pub(super) stream: Option<Arc<Stream>>,
}

/// State of the element.
#[derive(Debug, Default)]
pub(crate) struct V4l2Src {
    settings: Mutex<Settings>,
    state: Mutex<State>,
    pub(super) outlet: Outlet,
    pub(super) sequence: Sequence,
    pub(super) damaged: AtomicU64,
    pub(super) exported: AtomicU64,
    /// Frames from before are not shown: nanoseconds of `CLOCK_MONOTONIC`.
    pub(super) resumed: AtomicU64,
    /// Whether the base class is about to interrupt the streaming thread for a pause, and for nothing else.
    is_pausing: AtomicBool,
    /// Warnings that were posted since the start.
    pub(super) told: Mutex<Vec<&'static str>>,
}

impl V4l2Src {
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether this is said for the first time since the start.
    pub(super) fn is_news(&self, what: &'static str) -> bool {
        let mut told = lock(&self.told);
        let is_news = !told.contains(&what);
        if is_news {
            told.push(what);
        }
        is_news
    }

    /// Stops the camera. Frames that are in use downstream stay what they are.
    pub(super) fn end_stream(&self) {
        let stream = self.state().stream.take();
        if let Some(stream) = stream {
            stream.close();
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for V4l2Src {
    const NAME: &'static str = "GstDmaheapV4l2Src";
    type Type = super::V4l2Src;
    type ParentType = gst_base::PushSrc;
}

impl ObjectImpl for V4l2Src {
    fn properties() -> &'static [glib::ParamSpec] {
        static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let mut specs = settings::param_specs();
            specs.extend(outlet::param_specs());
            specs
        });
        &SPECS
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        element.set_live(true);
        element.set_format(gst::Format::Time);
        element.set_do_timestamp(false);
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let name = pspec.name();
        if !lock(&self.settings).set(name, value) && !self.outlet.set_property(name, value) {
            gst::error!(CAT, imp = self, "property {name} cannot be set");
        }
        if name == "extra-controls" {
            self.set_controls();
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let camera = self.state().camera.clone();
        match (pspec.name(), camera) {
            ("stats", _) => self.stats().to_value(),
            ("device-fd", Some(camera)) => camera.fd().to_value(),
            (name, _) => {
                let own = lock(&self.settings).value(name);
                own.or_else(|| self.outlet.property(name))
                    .unwrap_or_else(|| pspec.default_value().clone())
            }
        }
    }
}

impl GstObjectImpl for V4l2Src {}

impl ElementImpl for V4l2Src {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "V4L2 source on dma-bufs",
                "Source/Video",
                "Captures from a V4L2 camera into dma-bufs that every device on the path can read",
                env!("CARGO_PKG_AUTHORS"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let mut caps = caps::template_caps();
            caps.merge(format::encoded_template());
            gst::PadTemplate::new(
                "src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &caps,
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
        match transition {
            gst::StateChange::NullToReady => {
                self.open().inspect_err(|_error| self.close())?;
            }
            gst::StateChange::PausedToPlaying => {
                let now = u64::try_from(time::now().as_nanos()).unwrap_or_default();
                self.resumed.store(now, Ordering::Relaxed);
            }
            _ => {}
        }
        let is_pause = transition == gst::StateChange::PlayingToPaused;
        self.is_pausing.store(is_pause, Ordering::Release);
        let result = self.parent_change_state(transition);
        self.is_pausing.store(false, Ordering::Release);
        if transition == gst::StateChange::PausedToPlaying {
            let wake = self.state().wake.clone();
            if let Some(wake) = wake {
                wake.go_on();
            }
        }
        let success = result?;
        if transition == gst::StateChange::ReadyToNull {
            self.close();
        }
        Ok(success)
    }
}

impl BaseSrcImpl for V4l2Src {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        lock(&self.told).clear();
        self.sequence.restart();
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.end_stream();
        let choice = self.state().choice.take();
        drop(choice);
        self.outlet.stats().forget_path();
        Ok(())
    }

    fn is_seekable(&self) -> bool {
        false
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        let (wake, stream) = {
            let state = self.state();
            (state.wake.clone(), state.stream.clone())
        };
        if let Some(wake) = wake {
            if self.is_pausing.load(Ordering::Acquire) {
                wake.pause();
            } else {
                wake.call_back();
            }
        }
        if let Some(stream) = stream {
            stream.interrupt();
        }
        Ok(())
    }

    fn caps(&self, filter: Option<&gst::Caps>) -> Option<gst::Caps> {
        let camera = self.state().camera.clone();
        let template = || self.obj().src_pad().pad_template_caps();
        Some(match (camera, filter) {
            (Some(camera), Some(filter)) => camera.caps_within(filter),
            (Some(camera), None) => camera.caps(),
            (None, Some(filter)) => {
                filter.intersect_with_mode(&template(), gst::CapsIntersectMode::First)
            }
            (None, None) => template(),
        })
    }

    fn negotiate(&self) -> Result<(), gst::LoggableError> {
        self.agree()
    }

    fn decide_allocation(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        self.prepare(query)
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Latency(latency) = query.view_mut()
            && let Some((min, max)) = self.latency()
        {
            latency.set(true, min, max);
            return true;
        }
        BaseSrcImplExt::parent_query(self, query)
    }
}

impl V4l2Src {
    /// Frames from before are stale.
    pub(super) fn resumed(&self) -> Duration {
        Duration::from_nanos(self.resumed.load(Ordering::Relaxed))
    }
}

impl PushSrcImpl for V4l2Src {
    fn create(
        &self,
        _buffer: Option<&mut gst::BufferRef>,
    ) -> Result<CreateSuccess, gst::FlowError> {
        self.next_frame().map(CreateSuccess::NewBuffer)
    }
}
