//! The surface for the frames: a window of our own, or a part of the application's.

use dmabuf_heap::{Orientation, Rect};
use gst::glib;
use gst_video::VideoInfo;
use gst_video::prelude::*;
use wayland_import::{Surface, SurfaceError};

use super::WaylandSink;
use super::compositor::Compositor;
use super::settings::Settings;
use crate::ffi;
use crate::report::chain;

/// Makes the surface for frames of this kind. An application that has not handed over a window is asked for one.
/// `geometry` says where in that the picture goes, given where it would go by itself.
pub(super) fn open(
    sink: &WaylandSink,
    compositor: &Compositor,
    (settings, orientation): (&Settings, Orientation),
    window: impl Fn() -> usize,
    geometry: impl FnOnce(Rect) -> Rect,
    info: &VideoInfo,
) -> Result<Surface, gst::ErrorMessage> {
    if window() == 0 {
        sink.prepare_window_handle();
    }
    let size = orientation.turned(natural_size(info));
    let builder = Surface::builder(&compositor.display)
        .title(&title())
        .app_id(&glib::prgname().unwrap_or_default())
        .size(size.0, size.1);
    let made = match (window(), compositor.is_foreign, &settings.fullscreen_output) {
        (0, _, Some(output)) => builder.fullscreen_on(output).build(),
        (0, _, None) => builder.fullscreen(settings.fullscreen).build(),
        (window, true, _) => {
            let natural = Rect::new(0, 0, size.0, size.1);
            ffi::wayland::surface_in(builder, window, geometry(natural))
        }
        (_, false, _) => {
            return Err(gst::error_msg!(
                gst::ResourceError::OpenReadWrite,
                ("The application handed over a window without its connection to the compositor. Set a context \
                     GstWaylandDisplayHandleContextType that holds its wl_display before the sink goes to READY")
            ));
        }
    };
    made.map_err(|error| {
        let text = chain(&error);
        match error {
            SurfaceError::NoOutput { .. } => {
                gst::error_msg!(gst::ResourceError::Settings, ("{text}"))
            }
            _ => gst::error_msg!(gst::ResourceError::OpenReadWrite, ("{text}")),
        }
    })
}

/// Width and height of the picture in square pixels.
fn natural_size(info: &VideoInfo) -> (u32, u32) {
    let aspect = info.par();
    let (numerator, denominator) = (
        u64::from(aspect.numer().unsigned_abs()).max(1),
        u64::from(aspect.denom().unsigned_abs()).max(1),
    );
    let width = u64::from(info.width()) * numerator / denominator;
    (
        u32::try_from(width).unwrap_or(u32::MAX).max(1),
        info.height(),
    )
}

fn title() -> String {
    let name = glib::application_name().or_else(glib::prgname);
    name.map_or_else(|| "dmaheapwaylandsink".to_owned(), Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_the_shape_of_the_picture() {
        gst::init().expect("GStreamer initialises");
        let info = VideoInfo::builder(gst_video::VideoFormat::Nv12, 720, 576)
            .par((16, 15))
            .build()
            .expect("a picture");
        assert_eq!(natural_size(&info), (768, 576));
    }
}
