//! `GstVideoOverlay` for our elements: the bindings let programs call the interface, not implement it.
//!
//! See the GStreamer documentation, "`GstVideoOverlay`". `GObject` tells interfaces apart by their type only, so the
//! wrapper here and the one of the bindings are one interface.

use gst::glib;
use gst::glib::subclass::prelude::*;
use gst_video::ffi::{GstVideoOverlay, GstVideoOverlayInterface};

use crate::panic::contained;

glib::wrapper! {
    /// The interface, as something that can be implemented.
    pub(crate) struct VideoOverlay(Interface<GstVideoOverlay, GstVideoOverlayInterface>);

    match fn {
        type_ => || gst_video::ffi::gst_video_overlay_get_type(),
    }
}

/// What an element does when an application moves its picture.
pub(crate) trait VideoOverlayImpl: ObjectImpl + ObjectSubclass {
    /// The window of the application to draw in: a number that means what the platform says; 0 for none.
    fn set_window_handle(&self, handle: usize);

    /// Where in the window the picture goes, in pixels; a size of -1 by -1 is all of it.
    fn set_render_rectangle(&self, x: i32, y: i32, width: i32, height: i32);

    /// The picture shall be drawn again.
    fn expose(&self);
}

// SAFETY: the functions set here have the signatures of the interface's fields, and get what `T`'s instances are.
unsafe impl<T: VideoOverlayImpl> IsImplementable<T> for VideoOverlay {
    fn interface_init(iface: &mut glib::Interface<Self>) {
        let iface = iface.as_mut();
        iface.set_window_handle = Some(set_window_handle::<T>);
        iface.set_render_rectangle = Some(set_render_rectangle::<T>);
        iface.expose = Some(expose::<T>);
    }
}

unsafe extern "C" fn set_window_handle<T: VideoOverlayImpl>(
    overlay: *mut GstVideoOverlay,
    handle: usize,
) {
    // SAFETY: this function is in the interface of `T`'s class only, so it is called with instances of it.
    let imp = unsafe { imp_of::<T>(&overlay) };
    contained("window handle", || imp.set_window_handle(handle));
}

unsafe extern "C" fn set_render_rectangle<T: VideoOverlayImpl>(
    overlay: *mut GstVideoOverlay,
    x: i32,
    y: i32,
    width: i32,
    height: i32,
) {
    // SAFETY: this function is in the interface of `T`'s class only, so it is called with instances of it.
    let imp = unsafe { imp_of::<T>(&overlay) };
    contained("render rectangle", || {
        imp.set_render_rectangle(x, y, width, height);
    });
}

unsafe extern "C" fn expose<T: VideoOverlayImpl>(overlay: *mut GstVideoOverlay) {
    // SAFETY: this function is in the interface of `T`'s class only, so it is called with instances of it.
    let imp = unsafe { imp_of::<T>(&overlay) };
    contained("expose", || imp.expose());
}

/// The implementation behind an instance, for as long as the pointer is borrowed: during one call.
///
/// # Safety
///
/// The pointer is a live instance of `T`'s class; a caller of the interface holds a reference on it.
unsafe fn imp_of<T: ObjectSubclass>(overlay: &*mut GstVideoOverlay) -> &T {
    // SAFETY: the caller says that the pointer is such an instance, whose struct is `T::Instance`.
    let instance = unsafe { &*overlay.cast::<T::Instance>() };
    instance.imp()
}
