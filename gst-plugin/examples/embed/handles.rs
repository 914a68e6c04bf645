//! The pointers of libwayland that GStreamer takes as numbers.
#![expect(unsafe_code, reason = "GStreamer takes pointers of libwayland")]

use gst::glib;
use gst::glib::translate::UnsafeFrom;
use gst_video::prelude::*;
use wayland_client::Proxy as _;

use super::window::Window;

/// A context that holds the connection of `window`.
pub(crate) fn context(kind: &str, window: &Window) -> gst::Context {
    let display: glib::Pointer = window.connection().backend().display_ptr().cast();
    let mut context = gst::Context::new(kind, true);
    // SAFETY: a `wl_display*` may be used by any thread.
    let value = unsafe { glib::SendValue::unsafe_from(display.to_value().into_raw()) };
    if let Some(context) = context.get_mut() {
        context.structure_mut().set_value("display", value);
    }
    context
}

/// Hands the surface of `window` over.
pub(crate) fn set_window(overlay: &gst_video::VideoOverlay, window: &Window) {
    let surface = window.surface().id().as_ptr();
    // SAFETY: a handle on Wayland is a `wl_surface*`. This one lives until the application ends, after the pipeline.
    unsafe { overlay.set_window_handle(surface as usize) };
}
