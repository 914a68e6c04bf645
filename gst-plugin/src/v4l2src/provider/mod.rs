//! The cameras of the machine, for applications that let the user choose one (`GstDeviceMonitor`, `gst-device-monitor-1.0`).
//!
//! The rank is marginal: GStreamer asks no provider of rank NONE. The devices of `v4l2src`, which stands higher, are listed
//! before these, and an application that takes the first one takes those.

use gst::glib;
use gst::prelude::*;

mod device;
pub(crate) mod imp;
mod watch;

glib::wrapper! {
    /// Finds cameras for `dmaheapv4l2src`.
    pub(crate) struct CameraProvider(ObjectSubclass<imp::CameraProvider>)
        @extends gst::DeviceProvider, gst::Object;
}

/// Registers `dmaheapv4l2deviceprovider`.
pub(super) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::DeviceProvider::register(
        Some(plugin),
        "dmaheapv4l2deviceprovider",
        gst::Rank::MARGINAL,
        CameraProvider::static_type(),
    )
}
