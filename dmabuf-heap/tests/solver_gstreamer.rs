//! Layouts on which GStreamer's rule for strides and V4L2's agree.

use dmabuf_heap::{
    Constraints, Fourcc, FrameLayout, FrameSpec, LayoutRequest, PixelFormat, PlaneFormat,
};

/// Strides as GStreamer has them (`gst_video_info_set_format`): each rounded up to 4 bytes, and the luma of formats with
/// chroma of half the width to 4 columns, chroma of its own.
fn gstreamer_strides(format: &PixelFormat, width: u32) -> Vec<u32> {
    let stride = |plane: &PlaneFormat| {
        u32::try_from(plane.row_bytes(width.next_multiple_of(plane.horizontal_subsampling)))
            .expect("small")
            .next_multiple_of(4)
    };
    format.planes().iter().map(stride).collect()
}

/// The narrowest layout by V4L2's rule with strides of whole 4 bytes, none less than GStreamer's: what the pool of the
/// GStreamer plugin looks for by trying.
fn agreed_by_trying(format: &PixelFormat, width: u32, height: u32) -> FrameLayout {
    let usual = gstreamer_strides(format, width);
    (usual[0]..)
        .step_by(4)
        .take(64)
        .filter_map(|stride| {
            let request = LayoutRequest::new(format.fourcc, width, height).plane_strides(&[stride]);
            request.layout().ok()
        })
        .find(|layout| {
            let mut strides = layout.planes().iter().map(|plane| plane.stride).zip(&usual);
            strides.all(|(stride, &least)| stride >= least && stride.is_multiple_of(4))
        })
        .expect("a few steps are enough")
}

#[test]
fn gstreamers_rule_and_v4l2s_meet_at_every_width() {
    for fourcc in [
        Fourcc::YUV420,
        Fourcc::YVU420,
        Fourcc::YUV422,
        Fourcc::NV12,
        Fourcc::NV16,
        Fourcc::YUYV,
        Fourcc::XRGB8888,
        Fourcc::RGB888,
        Fourcc::RGB565,
    ] {
        let format = PixelFormat::find(fourcc).expect("it is in the table");
        for width in 1..=640 {
            let mut pool = Constraints::of("v4l2src").derived_strides().stride_align(4);
            for (plane, &bytes) in gstreamer_strides(format, width).iter().enumerate() {
                pool = pool.stride_min(plane, bytes);
            }
            let request = pool
                .request(FrameSpec::new(fourcc, width, 48))
                .expect("it is small");
            assert_eq!(
                request.layout(),
                Ok(agreed_by_trying(format, width, 48)),
                "{fourcc} {width}"
            );
        }
    }
}
