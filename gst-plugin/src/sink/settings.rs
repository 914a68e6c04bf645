//! The properties that all sinks share.

use gst::glib;
use gst::prelude::*;

use crate::heap;
use crate::zero_copy::ZeroCopy;

const DEFAULT_FORCE_ASPECT_RATIO: bool = true;

/// What happens to a frame on screen when its owner wants the memory back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstDmaheapDrain")]
pub(crate) enum Drain {
    /// A copy takes its place.
    #[default]
    #[enum_value(
        name = "Show a copy in memory of our own until the next frame comes",
        nick = "copy"
    )]
    Copy,
    /// Nothing does.
    #[enum_value(name = "Show nothing until the next frame comes", nick = "blank")]
    Blank,
}

/// Copied out under a short lock whenever a value is needed.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) force_aspect_ratio: bool,
    pub(super) zero_copy: ZeroCopy,
    pub(super) heap: String,
    pub(super) drain: Drain,
}

impl Settings {
    /// Sets the property `name`; false if it is none of ours. `GObject` has checked the type of the value.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        match name {
            "force-aspect-ratio" => {
                self.force_aspect_ratio = value.get().unwrap_or(DEFAULT_FORCE_ASPECT_RATIO);
            }
            "zero-copy" => self.zero_copy = value.get().unwrap_or_default(),
            "heap" => self.heap = value.get().unwrap_or_else(|_no_name| heap::AUTO.to_owned()),
            "drain" => self.drain = value.get().unwrap_or_default(),
            _ => return false,
        }
        true
    }

    /// The value of the property `name`, or `None` if it is none of ours.
    pub(super) fn value(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "force-aspect-ratio" => self.force_aspect_ratio.to_value(),
            "zero-copy" => self.zero_copy.to_value(),
            "heap" => self.heap.to_value(),
            "drain" => self.drain.to_value(),
            _ => return None,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            force_aspect_ratio: DEFAULT_FORCE_ASPECT_RATIO,
            zero_copy: ZeroCopy::default(),
            heap: heap::AUTO.to_owned(),
            drain: Drain::default(),
        }
    }
}

/// What is done with frames.
pub(crate) fn param_specs() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecBoolean::builder("force-aspect-ratio")
            .nick("Force aspect ratio")
            .blurb("Keep the picture's shape where it can be scaled, with bars around it (false = fill the display)")
            .default_value(DEFAULT_FORCE_ASPECT_RATIO)
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder::<ZeroCopy>("zero-copy")
            .nick("Zero copy")
            .blurb("Whether a frame that the display cannot read may be copied")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("heap")
            .nick("Heap")
            .blurb("dma-buf heap of the buffers offered upstream and of copies (auto = what all devices take)")
            .default_value(Some(heap::AUTO))
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder::<Drain>("drain")
            .nick("Drain")
            .blurb("What replaces the frame on screen when upstream wants its memory back")
            .mutable_playing()
            .build(),
    ]
}

/// The `stats` property.
pub(crate) fn stats_spec() -> glib::ParamSpec {
    glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
        .nick("Statistics")
        .blurb("Frames, copies and their reasons, imports, pool, latency; the fields of the base class included")
        .read_only()
        .build()
}
