//! The properties that all sinks share.

use gst::glib;
use gst::prelude::*;

use crate::memory::{self, Blurbs, MemorySettings};

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
    pub(super) memory: MemorySettings,
    pub(super) drain: Drain,
}

impl Settings {
    /// Sets the property `name`; false if it is none of ours. `GObject` has checked the type of the value.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        match name {
            "force-aspect-ratio" => {
                self.force_aspect_ratio = value.get().unwrap_or(DEFAULT_FORCE_ASPECT_RATIO);
            }
            "drain" => self.drain = value.get().unwrap_or_default(),
            name => return self.memory.set(name, value),
        }
        true
    }

    /// The value of the property `name`, or `None` if it is none of ours.
    pub(super) fn value(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "force-aspect-ratio" => self.force_aspect_ratio.to_value(),
            "drain" => self.drain.to_value(),
            name => return self.memory.value(name),
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            force_aspect_ratio: DEFAULT_FORCE_ASPECT_RATIO,
            memory: MemorySettings::default(),
            drain: Drain::default(),
        }
    }
}

/// What is done with frames, and in which memory.
pub(crate) fn param_specs() -> Vec<glib::ParamSpec> {
    let mut specs = vec![
        glib::ParamSpecBoolean::builder("force-aspect-ratio")
            .nick("Force aspect ratio")
            .blurb("Keep the picture's shape where it can be scaled, with bars around it (false = fill the display)")
            .default_value(DEFAULT_FORCE_ASPECT_RATIO)
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder::<Drain>("drain")
            .nick("Drain")
            .blurb("What replaces the frame on screen when upstream wants its memory back")
            .mutable_playing()
            .build(),
    ];
    specs.extend(memory::param_specs(&Blurbs {
        heap: "dma-buf heap of the buffers offered upstream and of copies (auto = what all devices take)",
        zero_copy: "Whether a frame that the display cannot read may be copied",
        stats: "Frames, copies and their reasons, imports, pool, latency; the fields of the base class included",
    }));
    specs
}
