//! The properties that a user sets.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::heap;
use crate::zero_copy::ZeroCopy;

const DEFAULT_HEAP: &str = heap::AUTO;
const DEFAULT_MIN_BUFFERS: u32 = 0;
const DEFAULT_MAX_BUFFERS: u32 = 0;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) heap: String,
    pub(super) min_buffers: u32,
    pub(super) max_buffers: u32,
    pub(super) zero_copy: ZeroCopy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heap: DEFAULT_HEAP.to_owned(),
            min_buffers: DEFAULT_MIN_BUFFERS,
            max_buffers: DEFAULT_MAX_BUFFERS,
            zero_copy: ZeroCopy::default(),
        }
    }
}

impl Settings {
    /// Takes the value of a property; false if there is none of this name and type.
    pub(super) fn set(&mut self, property: &str, value: &glib::Value) -> bool {
        self.try_set(property, value).is_some()
    }

    fn try_set(&mut self, property: &str, value: &glib::Value) -> Option<()> {
        match property {
            "heap" => {
                let name: Option<String> = value.get().ok()?;
                self.heap = name.unwrap_or_else(|| DEFAULT_HEAP.to_owned());
            }
            "min-buffers" => self.min_buffers = value.get().ok()?,
            "max-buffers" => self.max_buffers = value.get().ok()?,
            "zero-copy" => self.zero_copy = value.get().ok()?,
            _ => return None,
        }
        Some(())
    }

    /// The value of a property.
    pub(super) fn value(&self, property: &str) -> Option<glib::Value> {
        Some(match property {
            "heap" => self.heap.to_value(),
            "min-buffers" => self.min_buffers.to_value(),
            "max-buffers" => self.max_buffers.to_value(),
            "zero-copy" => self.zero_copy.to_value(),
            _ => return None,
        })
    }
}

/// All properties, `stats` among them.
pub(super) fn param_specs() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        vec![
            glib::ParamSpecString::builder("heap")
                .nick("Heap")
                .blurb("Name of the dma-buf heap to take memory from, or auto for what all devices take")
                .default_value(Some(DEFAULT_HEAP))
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("min-buffers")
                .nick("Minimum buffers")
                .blurb("Buffers to allocate at the start, at least; what downstream asks for may be more")
                .default_value(DEFAULT_MIN_BUFFERS)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("max-buffers")
                .nick("Maximum buffers")
                .blurb("Buffers to allocate at most; upstream waits for one to come back then (0 = no limit)")
                .default_value(DEFAULT_MAX_BUFFERS)
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder_with_default("zero-copy", ZeroCopy::default())
                .nick("Zero copy")
                .blurb("What to do with frames that are not in a dma-buf")
                .mutable_ready()
                .build(),
            glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                .nick("Statistics")
                .blurb("Frames by the path they took, copies and their reasons, buffers, and which memory serves and why")
                .read_only()
                .build(),
        ]
    });
    &PROPERTIES
}
