//! The properties that only this element has.

use std::os::fd::RawFd;

use gst::glib;
use gst::prelude::*;

use super::io::Io;

/// The first camera of most machines.
const DEFAULT_DEVICE: &str = "/dev/video0";
pub(super) const NO_FD: RawFd = -1;

/// Copied out under a short lock whenever a value is needed.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The node.
    pub(super) device: String,
    /// The application's own open file, or [`NO_FD`].
    pub(super) device_fd: RawFd,
    /// Controls by name.
    pub(super) extra_controls: Option<gst::Structure>,
    /// How frames get from the driver to downstream.
    pub(super) io: Io,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            device: DEFAULT_DEVICE.to_owned(),
            device_fd: NO_FD,
            extra_controls: None,
            io: Io::default(),
        }
    }
}

impl Settings {
    /// Takes the value of a property; false if it is none of these. `GObject` has checked its type.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        match name {
            "device" => self.device = value.get().unwrap_or_else(|_null| DEFAULT_DEVICE.into()),
            "device-fd" => self.device_fd = value.get().unwrap_or(NO_FD),
            "extra-controls" => self.extra_controls = value.get().unwrap_or_default(),
            "io" => self.io = value.get().unwrap_or_default(),
            _ => return false,
        }
        true
    }

    /// The value of a property.
    pub(super) fn value(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "device" => self.device.to_value(),
            "device-fd" => self.device_fd.to_value(),
            "extra-controls" => self.extra_controls.to_value(),
            "io" => self.io.to_value(),
            _ => return None,
        })
    }
}

/// Which device, and how it is used.
pub(super) fn param_specs() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("device")
            .nick("Device")
            .blurb("V4L2 node of the camera")
            .default_value(Some(DEFAULT_DEVICE))
            .mutable_ready()
            .build(),
        glib::ParamSpecInt::builder("device-fd")
            .nick("Device file descriptor")
            .blurb("Open file of the camera: set in NULL, the application's own, which is duplicated and stays the application's; read later, that of the element (-1 = open the device)")
            .minimum(NO_FD)
            .default_value(NO_FD)
            .mutable_ready()
            .build(),
        glib::ParamSpecBoxed::builder::<gst::Structure>("extra-controls")
            .nick("Extra controls")
            .blurb("Controls of the camera by the names that v4l2-ctl prints, as \"c,brightness=200,horizontal_flip=true\"")
            .mutable_playing()
            .build(),
        glib::ParamSpecEnum::builder_with_default("io", Io::default())
            .nick("I/O")
            .blurb("How frames get from the driver to downstream")
            .mutable_ready()
            .build(),
    ]
}
