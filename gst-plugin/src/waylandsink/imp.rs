//! The element: its properties and the calls of the base class. What they do is the [`SinkCore`]'s.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use dmabuf_heap::Orientation;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::subclass::prelude::*;

use super::presenter::WaylandPresenter;
use super::settings::{self, ROTATE_METHOD, Settings};
use crate::caps;
use crate::direction::VIDEO_DIRECTION;
use crate::ffi::video_direction::VideoDirection;
use crate::ffi::video_overlay::{VideoOverlay, VideoOverlayImpl};
use crate::sink::{self, RENDER_RECTANGLE, RenderRectangle, SinkCore, SinkElement};
use crate::sync::lock;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheapwaylandsink",
        gst::DebugColorFlags::empty(),
        Some("Wayland sink on dma-bufs"),
    )
});

/// The implementation behind [`WaylandSink`](super::WaylandSink).
#[derive(Debug, Default)]
pub(crate) struct WaylandSink {
    settings: Mutex<Settings>,
    /// The application's `wl_surface*`; 0 for a window of our own.
    window: AtomicUsize,
    core: Arc<SinkCore<WaylandPresenter>>,
}

impl WaylandSink {
    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    /// The application's `wl_surface*`; 0 for a window of our own.
    pub(super) fn window(&self) -> usize {
        self.window.load(Ordering::SeqCst)
    }

    /// How frames are turned.
    pub(super) fn orientation(&self) -> Orientation {
        lock(&self.settings).direction.orientation()
    }

    fn turn(&self) {
        let element = self.obj();
        self.core
            .set_orientation(element.upcast_ref(), self.orientation());
    }

    fn set_own(&self, name: &str, value: &glib::Value) -> bool {
        let is_ours = lock(&self.settings).set(name, value);
        if name == "fullscreen"
            && let Some(presenter) = self.core.presenter()
        {
            presenter.set_fullscreen(self.settings().fullscreen);
        }
        // Two names of one thing.
        let other = match name {
            ROTATE_METHOD => Some(VIDEO_DIRECTION),
            VIDEO_DIRECTION => Some(ROTATE_METHOD),
            _ => None,
        };
        if let Some(other) = other {
            self.turn();
            self.obj().notify(other);
        }
        is_ours
    }
}

#[glib::object_subclass]
impl ObjectSubclass for WaylandSink {
    const NAME: &'static str = "GstDmaheapWaylandSink";
    type Type = super::WaylandSink;
    type ParentType = gst_video::VideoSink;
    type Interfaces = (VideoOverlay, VideoDirection);
}

impl ObjectImpl for WaylandSink {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::param_specs()
    }

    fn constructed(&self) {
        self.parent_constructed();
        sink::keep_no_sample(self.obj().upcast_ref());
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let name = pspec.name();
        if name == RENDER_RECTANGLE {
            if let Some(rectangle) = RenderRectangle::from_value(value) {
                self.core.set_rectangle(self.obj().upcast_ref(), rectangle);
            }
            return;
        }
        if !self.set_own(name, value) && !self.core.set_property(name, value) {
            gst::error!(CAT, imp = self, "property {name} cannot be set");
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        match pspec.name() {
            "stats" => {
                let element = self.obj();
                let stats = self
                    .core
                    .stats(element.upcast_ref(), "dmaheapwaylandsink-stats");
                stats.to_value()
            }
            name => {
                let own = lock(&self.settings).value(name);
                own.or_else(|| self.core.property(name))
                    .unwrap_or_else(|| pspec.default_value().clone())
            }
        }
    }
}

impl VideoOverlayImpl for WaylandSink {
    fn set_window_handle(&self, handle: usize) {
        let before = self.window.swap(handle, Ordering::SeqCst);
        let has_window = self.core.presenter().is_some_and(|it| it.has_surface());
        if has_window && before != handle {
            gst::warning!(
                CAT,
                imp = self,
                "window {handle:#x} is used after the next change to READY: the frames have a surface already"
            );
        }
    }

    fn set_render_rectangle(&self, x: i32, y: i32, width: i32, height: i32) {
        let rectangle = RenderRectangle::new(x, y, width, height);
        self.core.set_rectangle(self.obj().upcast_ref(), rectangle);
    }

    fn expose(&self) {
        self.core.show_again(self.obj().upcast_ref());
    }
}

impl GstObjectImpl for WaylandSink {}

impl ElementImpl for WaylandSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Wayland sink on dma-bufs",
                "Sink/Video",
                "Shows video on a Wayland surface straight from dma-bufs",
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
        let element = self.obj();
        self.core
            .change_state(element.upcast_ref(), self, transition, || {
                self.parent_change_state(transition)
            })
    }
}

impl SinkElement for WaylandSink {
    type Presenter = WaylandPresenter;

    fn core(&self) -> &Arc<SinkCore<WaylandPresenter>> {
        &self.core
    }

    fn hear(&self, event: &gst::Event) {
        let is_turned = lock(&self.settings).direction.hear(event);
        if is_turned {
            self.turn();
        }
    }
}

sink::sink_calls!(WaylandSink);
