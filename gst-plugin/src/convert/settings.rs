//! The properties of this element alone.

use std::sync::LazyLock;

use cpu_convert::Filter;
use gst::glib;
use gst::prelude::*;

use super::backend::Kind;
use super::job::{Margins, Wishes};
use crate::direction::{Direction, VIDEO_DIRECTION};
use crate::ffi::video_direction::VideoDirection;
use crate::outlet;

/// How pixels between pixels are made, as `videoscale` names it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstDmaheapConvertMethod")]
pub(super) enum Method {
    /// Fast, with stairs.
    #[enum_value(name = "Nearest pixel", nick = "nearest-neighbour")]
    Nearest,
    /// The usual one.
    #[default]
    #[enum_value(name = "Two pixels each way", nick = "bilinear")]
    Bilinear,
    /// Sharper.
    #[enum_value(name = "Catmull-Rom, four pixels each way", nick = "catrom")]
    Bicubic,
    /// Sharpest, and slowest.
    #[enum_value(name = "Lanczos, six pixels each way", nick = "lanczos")]
    Lanczos,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub backend: Kind,
    pub device: Option<String>,
    pub extra_controls: Option<gst::Structure>,
    pub n_threads: u32,
    pub method: Method,
    pub direction: Direction,
    /// As the user gave them: pixels, from 0.
    margins: [i32; 4],
}

/// The names of the margins, as `videocrop` has them.
const SIDES: [&str; 4] = ["top", "bottom", "left", "right"];

impl Settings {
    /// What is to be done besides what caps say.
    pub(super) fn wishes(&self) -> Wishes {
        let [top, bottom, left, right] = self.margins.map(i32::unsigned_abs);
        Wishes {
            orientation: self.direction.orientation(),
            margins: Margins {
                top,
                bottom,
                left,
                right,
            },
        }
    }

    /// For the CPU.
    pub(super) fn filter(&self) -> Filter {
        match self.method {
            Method::Nearest => Filter::Nearest,
            Method::Bilinear => Filter::Bilinear,
            Method::Bicubic => Filter::Bicubic,
            Method::Lanczos => Filter::Lanczos,
        }
    }

    /// Takes the value of a property; false if it is none of these. `GObject` has checked its type and range.
    pub(super) fn set(&mut self, property: &str, value: &glib::Value) -> bool {
        self.try_set(property, value).is_some()
    }

    fn try_set(&mut self, property: &str, value: &glib::Value) -> Option<()> {
        match property {
            "backend" => self.backend = value.get().ok()?,
            "device" => self.device = value.get().ok()?,
            "extra-controls" => self.extra_controls = value.get().ok()?,
            "n-threads" => self.n_threads = value.get().ok()?,
            "method" => self.method = value.get().ok()?,
            VIDEO_DIRECTION => self.direction.chosen = value.get().ok()?,
            side => {
                let index = SIDES.iter().position(|name| *name == side)?;
                self.margins[index] = value.get().ok()?;
            }
        }
        Some(())
    }

    /// The value of a property.
    pub(super) fn value(&self, property: &str) -> Option<glib::Value> {
        Some(match property {
            "backend" => self.backend.to_value(),
            "device" => self.device.to_value(),
            "extra-controls" => self.extra_controls.to_value(),
            "n-threads" => self.n_threads.to_value(),
            "method" => self.method.to_value(),
            VIDEO_DIRECTION => self.direction.chosen.to_value(),
            side => {
                let index = SIDES.iter().position(|name| *name == side)?;
                self.margins[index].to_value()
            }
        })
    }
}

/// Whether a property changes what is done with the frames that follow.
pub(super) fn is_wish(property: &str) -> bool {
    property == VIDEO_DIRECTION || SIDES.contains(&property)
}

/// All properties.
pub(super) fn param_specs() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut specs = outlet::param_specs().to_vec();
        specs.extend(backend_specs());
        specs.extend(SIDES.map(margin_spec));
        specs.push(glib::ParamSpecOverride::for_interface::<VideoDirection>(
            VIDEO_DIRECTION,
        ));
        specs
    });
    &PROPERTIES
}

fn backend_specs() -> [glib::ParamSpec; 5] {
    [
        glib::ParamSpecEnum::builder_with_default("backend", Kind::default())
            .nick("Backend")
            .blurb("What does the work")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("device")
            .nick("Device")
            .blurb("Node of the mem2mem device to use, as /dev/video1 (unset: whichever does the job)")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("extra-controls")
            .nick("Extra controls")
            .blurb("Controls of the mem2mem device to set, as controls,sharpness=3")
            .mutable_ready()
            .build(),
        glib::ParamSpecUInt::builder("n-threads")
            .nick("Threads")
            .blurb("Threads of the CPU that work on a frame (0 = as many as pay)")
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("method", Method::default())
            .nick("Method")
            .blurb("How the CPU makes pixels between pixels where it scales; devices have their own way")
            .mutable_ready()
            .build(),
    ]
}

fn margin_spec(side: &'static str) -> glib::ParamSpec {
    glib::ParamSpecInt::builder(side)
        .nick("Crop")
        .blurb("Pixels to cut off at this side of the picture that comes in")
        .minimum(0)
        .mutable_playing()
        .build()
}
