//! The properties of every element with an outlet.

use gst::glib;
use gst::prelude::*;

use crate::heap;
use crate::zero_copy::ZeroCopy;

/// What the user wants of an element's memory.
#[derive(Debug, Clone)]
pub(crate) struct OutletSettings {
    /// Name of a heap, or [`heap::AUTO`].
    pub heap: String,
    /// Whether frames may be copied.
    pub zero_copy: ZeroCopy,
}

impl Default for OutletSettings {
    fn default() -> Self {
        Self {
            heap: heap::AUTO.to_owned(),
            zero_copy: ZeroCopy::default(),
        }
    }
}

impl OutletSettings {
    /// Whether those downstream that no memory suits may be left to copy: not where copies are forbidden, and not where a
    /// heap was named, which is an order.
    pub(crate) fn readers_may_copy(&self) -> bool {
        self.zero_copy != ZeroCopy::Required && self.heap == heap::AUTO
    }

    /// Takes the value of a property; false if it is none of these. `GObject` has checked its type.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        match name {
            "heap" => self.heap = value.get().unwrap_or_else(|_no_name| heap::AUTO.to_owned()),
            "zero-copy" => self.zero_copy = value.get().unwrap_or_default(),
            _ => return false,
        }
        true
    }

    /// The value of a property.
    pub(super) fn value(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "heap" => self.heap.to_value(),
            "zero-copy" => self.zero_copy.to_value(),
            _ => return None,
        })
    }
}

/// The properties `heap`, `zero-copy` and `stats`.
pub(crate) fn param_specs() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("heap")
            .nick("Heap")
            .blurb("Name of the dma-buf heap to take memory from, or auto for what all devices take")
            .default_value(Some(heap::AUTO))
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("zero-copy", ZeroCopy::default())
            .nick("Zero copy")
            .blurb("Whether a frame may be copied where it cannot be passed on as it is")
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Frames by the path they took, copies and their reasons, buffers, and which memory serves and why")
            .read_only()
            .build(),
    ]
}
