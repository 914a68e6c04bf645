//! What applications hand over of their libwayland: a `wl_display*` in a context, a `wl_surface*` as a number.
//!
//! Both are promises that nobody can check. The application makes them when it sets the context (`display`, see
//! `gstwlcontext.h` of GStreamer's Wayland library) and the window handle (`gst_video_overlay_set_window_handle`).

use std::ffi::c_void;
use std::sync::Arc;

use dmabuf_heap::Rect;
use gst::glib;
use wayland_import::{ConnectError, Display, Surface, SurfaceBuilder, SurfaceError};

/// The fields in which a context keeps its `wl_display*`, the newer one first.
const FIELDS: [&str; 2] = ["display", "handle"];

/// A connection on the `wl_display*` in `context`; `None` if there is none.
pub(crate) fn display_in(context: &gst::ContextRef) -> Option<Result<Arc<Display>, ConnectError>> {
    let structure = context.structure();
    let pointer = FIELDS
        .iter()
        .find_map(|field| structure.value(*field).ok()?.get::<glib::Pointer>().ok())
        .filter(|pointer| !pointer.is_null())?;
    // SAFETY: a context of this type holds a `wl_display*` of the process's libwayland, and whoever sets it keeps it
    // connected while elements use it, which ends with their change to NULL. What we make of it is dropped then.
    Some(unsafe { Display::from_foreign(pointer) })
}

/// A surface in the `wl_surface*` that is `handle`, at `geometry` in it.
///
/// # Errors
///
/// As of [`SurfaceBuilder::build_in`].
pub(crate) fn surface_in(
    builder: SurfaceBuilder,
    handle: usize,
    geometry: Rect,
) -> Result<Surface, SurfaceError> {
    let parent = handle as *mut c_void;
    // SAFETY: a window handle on Wayland is a `wl_surface*` of the connection that the application set as context, and
    // stays alive while the sink has it, which ends when PAUSED is left. The surface made here is dropped then.
    unsafe { builder.build_in(parent, geometry) }
}

#[cfg(test)]
mod tests {
    use super::display_in;

    #[test]
    fn a_context_without_a_display_is_none() {
        gst::init().expect("GStreamer initialises");
        let context = gst::Context::new("GstWaylandDisplayHandleContextType", true);
        assert!(display_in(&context).is_none());
    }
}
