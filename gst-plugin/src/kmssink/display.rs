//! Opening the device and the output that the settings name.

use std::path::Path;
use std::sync::Arc;

use drm_import::{Device, Output};
use gst::ErrorMessage;

use super::settings::Settings;
use crate::{caps, ffi, sink};

/// What is known of the display between READY and NULL, also while no output is lit.
#[derive(Debug, Clone)]
pub(crate) struct Display {
    pub(super) device: Arc<Device>,
    /// What the planes take, in the sizes that the device takes.
    caps: gst::Caps,
    /// Width and height of the mode, in pixels.
    pub(super) size: (u32, u32),
}

impl Display {
    /// Opens the device and looks at its output; nothing changes on screen.
    pub(super) fn open(settings: &Settings) -> Result<(Self, Output), ErrorMessage> {
        let device = open_device(settings)?;
        let output = open_output(&device, settings)?;
        let mode = output.mode();
        let display = Self {
            caps: sink_caps(&output),
            size: (mode.width, mode.height),
            device,
        };
        Ok((display, output))
    }
}

impl sink::Display for Display {
    fn caps(&self) -> &gst::Caps {
        &self.caps
    }

    fn name(&self) -> String {
        format!(
            "{} ({})",
            self.device.driver(),
            self.device.path().display()
        )
    }

    fn describe(&self, fields: &mut gst::Structure) {
        let imports = self.device.import_stats();
        fields.set("driver", self.device.driver());
        fields.set("device", self.device.path().display().to_string());
        fields.set("imports", imports.imports);
        fields.set("import-cache-hits", imports.cache_hits);
    }
}

/// The device by file descriptor, by path, by driver name, or the first with a connected output.
fn open_device(settings: &Settings) -> Result<Arc<Device>, ErrorMessage> {
    let device = if let Some(fd) = settings.fd() {
        let fd = ffi::fd::duplicate(fd).map_err(|error| {
            gst::error_msg!(
                gst::ResourceError::OpenReadWrite,
                ("The property fd holds {fd}, which cannot be duplicated: {error}. Set it to an open DRM file descriptor")
            )
        })?;
        Device::from_fd(fd)
    } else if let Some(path) = &settings.device {
        Device::open(Path::new(path))
    } else if let Some(driver) = &settings.driver_name {
        Device::open_driver(driver)
    } else {
        Device::open_first_connected()
    };
    device.map_err(|error| gst::error_msg!(gst::ResourceError::OpenReadWrite, ("{error}")))
}

/// The connector and its CRTC, not lit yet.
pub(super) fn open_output(
    device: &Arc<Device>,
    settings: &Settings,
) -> Result<Output, ErrorMessage> {
    let mut builder = Output::builder(device);
    if let Some(connector) = settings.connector_id() {
        builder = builder.connector_id(connector);
    }
    if let Some(plane) = settings.plane_id() {
        builder = builder.plane_id(plane);
    }
    builder
        .build()
        .map_err(|error| gst::error_msg!(gst::ResourceError::Settings, ("{error}")))
}

/// The caps of everything that the output can show.
fn sink_caps(output: &Output) -> gst::Caps {
    let mut sink_caps = caps::caps_for(output.formats());
    let (min, max) = (output.min_size(), output.max_size());
    let side = |min: u32, max: u32| {
        gst::IntRange::new(
            i32::try_from(min.max(1)).unwrap_or(1),
            i32::try_from(max).unwrap_or(i32::MAX),
        )
    };
    for structure in sink_caps.make_mut().iter_mut() {
        structure.set("width", side(min.0, max.0));
        structure.set("height", side(min.1, max.1));
    }
    sink_caps
}
