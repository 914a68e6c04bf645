//! The properties that only `dmaheapkmssink` has.

use std::os::fd::RawFd;
use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::sink;

const DEFAULT_ID: i32 = -1;
const DEFAULT_FD: RawFd = -1;
/// Copied out under a short lock whenever a value is needed.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) driver_name: Option<String>,
    pub(super) device: Option<String>,
    connector_id: i32,
    plane_id: i32,
    fd: RawFd,
}

impl Settings {
    /// The connector to light, or `None` for the first connected one.
    pub(super) fn connector_id(&self) -> Option<u32> {
        u32::try_from(self.connector_id).ok()
    }

    /// The plane to use, or `None` for whichever takes the format.
    pub(super) fn plane_id(&self) -> Option<u32> {
        u32::try_from(self.plane_id).ok()
    }

    /// The application's own DRM file descriptor.
    pub(super) fn fd(&self) -> Option<RawFd> {
        (self.fd >= 0).then_some(self.fd)
    }

    /// Sets the property `name`; false if it is none of ours. `GObject` has checked the type of the value.
    pub(super) fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        match name {
            "driver-name" => self.driver_name = value.get().unwrap_or_default(),
            "device" => self.device = value.get().unwrap_or_default(),
            "connector-id" => self.connector_id = value.get().unwrap_or(DEFAULT_ID),
            "plane-id" => self.plane_id = value.get().unwrap_or(DEFAULT_ID),
            "fd" => self.fd = value.get().unwrap_or(DEFAULT_FD),
            _ => return false,
        }
        true
    }

    /// The value of the property `name`, or `None` if it is none of ours.
    pub(super) fn value(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "driver-name" => self.driver_name.to_value(),
            "device" => self.device.to_value(),
            "connector-id" => self.connector_id.to_value(),
            "plane-id" => self.plane_id.to_value(),
            "fd" => self.fd.to_value(),
            _ => return None,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            driver_name: None,
            device: None,
            connector_id: DEFAULT_ID,
            plane_id: DEFAULT_ID,
            fd: DEFAULT_FD,
        }
    }
}

/// Every property of the element, those that only report included.
pub(super) fn param_specs() -> &'static [glib::ParamSpec] {
    static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut specs = device_specs();
        specs.extend(sink::param_specs());
        specs.push(sink::rectangle_spec());
        specs.extend(report_specs());
        specs
    });
    &SPECS
}

/// Which device, connector and plane.
fn device_specs() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecString::builder("driver-name")
            .nick("Driver name")
            .blurb("Name of the DRM driver of the card to use, such as vkms or vc4 (NULL = the first card with a connected display)")
            .mutable_ready()
            .build(),
        glib::ParamSpecString::builder("device")
            .nick("Device")
            .blurb("Path of the DRM card to use, such as /dev/dri/card0 (NULL = by driver name)")
            .mutable_ready()
            .build(),
        glib::ParamSpecInt::builder("connector-id")
            .nick("Connector ID")
            .blurb("DRM connector to show on (-1 = the first connected one)")
            .minimum(-1)
            .default_value(DEFAULT_ID)
            .mutable_ready()
            .build(),
        glib::ParamSpecInt::builder("plane-id")
            .nick("Plane ID")
            .blurb("DRM plane to show on (-1 = one that takes the format)")
            .minimum(-1)
            .default_value(DEFAULT_ID)
            .mutable_ready()
            .build(),
        glib::ParamSpecInt::builder("fd")
            .nick("File descriptor")
            .blurb("DRM file descriptor of the application, a leased one for instance; it is duplicated and stays the application's (-1 = open a card)")
            .minimum(-1)
            .default_value(DEFAULT_FD)
            .mutable_ready()
            .build(),
    ]
}

/// What the element tells.
fn report_specs() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecInt::builder("display-width")
            .nick("Display width")
            .blurb("Width of the display in pixels (0 = not open)")
            .minimum(0)
            .read_only()
            .build(),
        glib::ParamSpecInt::builder("display-height")
            .nick("Display height")
            .blurb("Height of the display in pixels (0 = not open)")
            .minimum(0)
            .read_only()
            .build(),
    ]
}
