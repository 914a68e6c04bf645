//! The properties `heap`, `zero-copy` and `stats`, which every element has.

use gst::glib;
use gst::prelude::*;

use crate::heap;
use crate::zero_copy::ZeroCopy;

/// What the user wants of an element's memory.
#[derive(Debug, Clone)]
pub(crate) struct MemorySettings {
    /// Name of a heap, or [`heap::AUTO`].
    pub heap: String,
    /// Whether frames may be copied.
    pub zero_copy: ZeroCopy,
}

/// What the properties do in an element, in a sentence each.
pub(crate) struct Blurbs {
    pub heap: &'static str,
    pub zero_copy: &'static str,
    pub stats: &'static str,
}

impl Default for MemorySettings {
    fn default() -> Self {
        Self {
            heap: heap::AUTO.to_owned(),
            zero_copy: ZeroCopy::default(),
        }
    }
}

impl MemorySettings {
    /// Whether those that no memory suits may be left to copy: not where copies are forbidden, and not where a heap was
    /// named, which is an order.
    pub(crate) fn readers_may_copy(&self) -> bool {
        self.zero_copy != ZeroCopy::Required && self.heap == heap::AUTO
    }

    /// Takes the value of a property; false if it is none of these. `GObject` has checked its type.
    pub(crate) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        match name {
            "heap" => self.heap = value.get().unwrap_or_else(|_no_name| heap::AUTO.to_owned()),
            "zero-copy" => self.zero_copy = value.get().unwrap_or_default(),
            _ => return false,
        }
        true
    }

    /// The value of a property. `stats` is the element's own to tell.
    pub(crate) fn value(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "heap" => self.heap.to_value(),
            "zero-copy" => self.zero_copy.to_value(),
            _ => return None,
        })
    }
}

/// The three properties.
pub(crate) fn param_specs(blurbs: &Blurbs) -> [glib::ParamSpec; 3] {
    [
        glib::ParamSpecString::builder("heap")
            .nick("Heap")
            .blurb(blurbs.heap)
            .default_value(Some(heap::AUTO))
            .mutable_ready()
            .build(),
        glib::ParamSpecEnum::builder_with_default("zero-copy", ZeroCopy::default())
            .nick("Zero copy")
            .blurb(blurbs.zero_copy)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb(blurbs.stats)
            .read_only()
            .build(),
    ]
}
