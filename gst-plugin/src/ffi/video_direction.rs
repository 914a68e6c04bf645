//! `GstVideoDirection` for our elements, which the bindings lack: an interface that is one property, `video-direction`.

use gst::glib;
use gst::glib::subclass::prelude::*;
use gst_video::ffi::{GstVideoDirection, GstVideoDirectionInterface};

glib::wrapper! {
    /// The interface, as something that can be implemented.
    pub(crate) struct VideoDirection(Interface<GstVideoDirection, GstVideoDirectionInterface>);

    match fn {
        type_ => || gst_video::ffi::gst_video_direction_get_type(),
    }
}

// SAFETY: the interface has no functions to be set.
unsafe impl<T: ObjectImpl + ObjectSubclass> IsImplementable<T> for VideoDirection {}
