//! The properties of `dmaheapkmssink` that a user sets.

use std::os::fd::RawFd;
use std::sync::LazyLock;

use gst::glib;
use gst::prelude::*;

use crate::heap;
use crate::zero_copy::ZeroCopy;

const DEFAULT_ID: i32 = -1;
const DEFAULT_FD: RawFd = -1;
const DEFAULT_FORCE_ASPECT_RATIO: bool = true;

/// What happens to a frame on screen when its owner wants the memory back.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstDmaheapDrain")]
pub(super) enum Drain {
    #[default]
    #[enum_value(
        name = "Show a copy in memory of our own until the next frame comes",
        nick = "copy"
    )]
    Copy,
    #[enum_value(
        name = "Switch the plane off until the next frame comes",
        nick = "blank"
    )]
    Blank,
}

/// Copied out under a short lock whenever a value is needed.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) driver_name: Option<String>,
    pub(super) device: Option<String>,
    connector_id: i32,
    plane_id: i32,
    fd: RawFd,
    pub(super) force_aspect_ratio: bool,
    pub(super) zero_copy: ZeroCopy,
    pub(super) heap: String,
    pub(super) drain: Drain,
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
            "driver-name" => self.driver_name.to_value(),
            "device" => self.device.to_value(),
            "connector-id" => self.connector_id.to_value(),
            "plane-id" => self.plane_id.to_value(),
            "fd" => self.fd.to_value(),
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
            driver_name: None,
            device: None,
            connector_id: DEFAULT_ID,
            plane_id: DEFAULT_ID,
            fd: DEFAULT_FD,
            force_aspect_ratio: DEFAULT_FORCE_ASPECT_RATIO,
            zero_copy: ZeroCopy::default(),
            heap: heap::AUTO.to_owned(),
            drain: Drain::default(),
        }
    }
}

/// Every property of the element, those that only report included.
pub(super) fn param_specs() -> &'static [glib::ParamSpec] {
    static SPECS: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
        let mut specs = device_specs();
        specs.extend(picture_specs());
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

/// What is done with frames.
fn picture_specs() -> Vec<glib::ParamSpec> {
    vec![
        glib::ParamSpecBoolean::builder("force-aspect-ratio")
            .nick("Force aspect ratio")
            .blurb("Keep the picture's shape where the plane can scale, with bars around it (false = fill the display)")
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
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("Frames, copies and their reasons, imports, pool, latency; the fields of the base class included")
            .read_only()
            .build(),
    ]
}
