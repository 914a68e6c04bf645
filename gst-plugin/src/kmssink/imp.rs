//! The element: its properties and the calls of the base class. What they do is the [`SinkCore`]'s.

use std::sync::{Arc, LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::subclass::prelude::*;
use gst_video::subclass::prelude::*;

use super::display::{self, Display};
use super::presenter::KmsPresenter;
use super::settings::{self, Settings};
use crate::caps;
use crate::ffi::video_overlay::{VideoOverlay, VideoOverlayImpl};
use crate::sink::{self, Opens, RENDER_RECTANGLE, RenderRectangle, SinkCore, SinkElement};
use crate::sync::lock;

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheapkmssink",
        gst::DebugColorFlags::empty(),
        Some("KMS sink on dma-bufs"),
    )
});

/// The implementation behind [`KmsSink`](super::KmsSink).
#[derive(Debug, Default)]
pub(crate) struct KmsSink {
    settings: Mutex<Settings>,
    pub(super) core: Arc<SinkCore<KmsPresenter>>,
}

impl KmsSink {
    fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }
}

impl Opens<KmsPresenter> for KmsSink {
    fn open_display(&self) -> Result<(Display, KmsPresenter), gst::ErrorMessage> {
        let (display, output) = Display::open(&self.settings())?;
        Ok((display, KmsPresenter::new(output)))
    }

    fn open_presenter(&self, display: &Display) -> Result<KmsPresenter, gst::ErrorMessage> {
        display::open_output(&display.device, &self.settings()).map(KmsPresenter::new)
    }

    fn display_changed(&self) {
        self.obj().notify("display-width");
        self.obj().notify("display-height");
    }
}

#[glib::object_subclass]
impl ObjectSubclass for KmsSink {
    const NAME: &'static str = "GstDmaheapKmsSink";
    type Type = super::KmsSink;
    type ParentType = gst_video::VideoSink;
    type Interfaces = (VideoOverlay,);
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

    fn constructed(&self) {
        self.parent_constructed();
        sink::keep_no_sample(self.obj().upcast_ref());
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let name = pspec.name();
        if name == RENDER_RECTANGLE {
            if let Some(rectangle) = RenderRectangle::from_value(value) {
                let element = self.obj();
                self.core.set_rectangle(element.upcast_ref(), rectangle);
            }
            return;
        }
        if !lock(&self.settings).set(name, value) && !self.core.set_property(name, value) {
            gst::error!(CAT, imp = self, "property {} cannot be set", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let display_size = || self.core.display().map_or((0, 0), |display| display.size);
        let pixels = |side: u32| i32::try_from(side).unwrap_or(i32::MAX).to_value();
        match pspec.name() {
            "display-width" => pixels(display_size().0),
            "display-height" => pixels(display_size().1),
            "stats" => {
                let element = self.obj();
                let stats = self
                    .core
                    .stats(element.upcast_ref(), "dmaheapkmssink-stats");
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

impl VideoOverlayImpl for KmsSink {
    fn set_window_handle(&self, handle: usize) {
        gst::warning!(
            CAT,
            imp = self,
            "window {handle:#x} ignored: planes lie on a display and in no window"
        );
    }

    fn set_render_rectangle(&self, x: i32, y: i32, width: i32, height: i32) {
        let rectangle = RenderRectangle::new(x, y, width, height);
        self.core.set_rectangle(self.obj().upcast_ref(), rectangle);
    }

    fn expose(&self) {
        self.core.show_again(self.obj().upcast_ref());
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
        let element = self.obj();
        self.core
            .change_state(element.upcast_ref(), self, transition, || {
                self.parent_change_state(transition)
            })
    }
}

impl SinkElement for KmsSink {
    type Presenter = KmsPresenter;

    fn core(&self) -> &Arc<SinkCore<KmsPresenter>> {
        &self.core
    }
}

sink::sink_calls!(KmsSink);
