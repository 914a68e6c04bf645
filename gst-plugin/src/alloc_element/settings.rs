//! The properties that only this element has.

use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::outlet;

const DEFAULT_MIN_BUFFERS: u32 = 0;
const DEFAULT_MAX_BUFFERS: u32 = 0;

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) min_buffers: u32,
    pub(super) max_buffers: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_buffers: DEFAULT_MIN_BUFFERS,
            max_buffers: DEFAULT_MAX_BUFFERS,
        }
    }
}

impl Settings {
    /// Takes the value of a property; false if it is none of these.
    pub(super) fn set(&mut self, property: &str, value: &glib::Value) -> bool {
        self.try_set(property, value).is_some()
    }

    fn try_set(&mut self, property: &str, value: &glib::Value) -> Option<()> {
        match property {
            "min-buffers" => self.min_buffers = value.get().ok()?,
            "max-buffers" => self.max_buffers = value.get().ok()?,
            _ => return None,
        }
        Some(())
    }

    /// The value of a property.
    pub(super) fn value(&self, property: &str) -> Option<glib::Value> {
        Some(match property {
            "min-buffers" => self.min_buffers.to_value(),
            "max-buffers" => self.max_buffers.to_value(),
            _ => return None,
        })
    }
}

/// All properties.
pub(super) fn param_specs() -> &'static [glib::ParamSpec] {
    static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut specs = outlet::param_specs().to_vec();
        specs.extend(own_specs());
        specs
    });
    &PROPERTIES
}

fn own_specs() -> Vec<glib::ParamSpec> {
    vec![
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
    ]
}
