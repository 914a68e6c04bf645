//! The properties that only `dmaheapwaylandsink` has.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;
use gst_video::VideoOrientationMethod;

use crate::direction::{Direction, VIDEO_DIRECTION};
use crate::ffi::video_direction::VideoDirection;
use crate::sink;

/// As `waylandsink` calls what `GstVideoDirection` calls [`VIDEO_DIRECTION`].
pub(super) const ROTATE_METHOD: &str = "rotate-method";

/// Whether YUV frames must come in the colours that the compositor decodes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstDmaheapColor")]
pub(crate) enum Color {
    /// They must.
    #[default]
    #[enum_value(
        name = "Take YUV only in colours that the compositor is known to show right",
        nick = "auto"
    )]
    Auto,
    /// They need not.
    #[enum_value(
        name = "Take any YUV, assuming that its colours are those of the compositor",
        nick = "assume"
    )]
    Assume,
}

/// Copied out under a short lock whenever a value is needed.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) display: Option<String>,
    pub(super) fullscreen: bool,
    pub(super) fullscreen_output: Option<String>,
    pub(super) color: Color,
    pub(super) direction: Direction,
}

impl Settings {
    /// Sets the property `name`; false if it is none of ours. `GObject` has checked the type of the value.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        match name {
            "display" => self.display = value.get().unwrap_or_default(),
            "fullscreen" => self.fullscreen = value.get().unwrap_or_default(),
            "fullscreen-output" => self.fullscreen_output = value.get().unwrap_or_default(),
            "color" => self.color = value.get().unwrap_or_default(),
            ROTATE_METHOD | VIDEO_DIRECTION => {
                let chosen = value.get();
                self.direction.chosen = chosen.unwrap_or(VideoOrientationMethod::Identity);
            }
            _ => return false,
        }
        true
    }

    /// The value of the property `name`, or `None` if it is none of ours.
    pub(super) fn value(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "display" => self.display.to_value(),
            "fullscreen" => self.fullscreen.to_value(),
            "fullscreen-output" => self.fullscreen_output.to_value(),
            "color" => self.color.to_value(),
            ROTATE_METHOD | VIDEO_DIRECTION => self.direction.chosen.to_value(),
            _ => return None,
        })
    }
}

/// Every property of the element, those that only report included.
pub(super) fn param_specs() -> &'static [glib::ParamSpec] {
    static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut specs = window_specs();
        specs.extend(sink::param_specs());
        specs.push(sink::rectangle_spec());
        specs
    });
    &SPECS
}

/// Which compositor, which window, which colours.
fn window_specs() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("display")
            .nick("Wayland display name")
            .blurb("Name of the Wayland display to connect to, such as wayland-1, or the path of its socket, unless an application hands its own over by a GstContext (NULL = WAYLAND_DISPLAY)")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoolean::builder("fullscreen")
            .nick("Fullscreen")
            .blurb("Whether the sink's own window covers the whole output")
            .mutable_playing()
            .build(),
        glib::ParamSpecString::builder("fullscreen-output")
            .nick("Fullscreen output")
            .blurb("Name of the output to be fullscreen on, such as HDMI-A-1 (NULL = the compositor's choice)")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<Color>("color")
            .nick("Color")
            .blurb("Which YUV frames are taken by a compositor that cannot be told their colours")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default(ROTATE_METHOD, VideoOrientationMethod::Identity)
            .nick("Rotate method")
            .blurb("How the compositor turns or mirrors the picture, without a copy (auto = as the tag image-orientation says)")
            .mutable_playing()
            .build(),
        glib::ParamSpecOverride::for_interface::<VideoDirection>(VIDEO_DIRECTION),
    ]
}
