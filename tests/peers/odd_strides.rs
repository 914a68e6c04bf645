//! Sizes at which V4L2 and GStreamer disagree on the strides of chroma planes.
//!
//! `v4l2src` in its own I/O modes delivers no frame at all of I420 362x242: it expects 132616 bytes where the driver
//! writes 132132. Memory of `dmaheapalloc` is laid out so that both agree.

use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};

/// The samples of one captured frame, plane by plane, without padding.
fn capture(vivid: &Vivid, format: &str, (width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let caps = format!("video/x-raw,format={format},width={width},height={height}");
    let player = Player::launch(&format!(
        "{} io-mode=dmabuf-import ! {caps} ! dmaheapalloc zero-copy=required \
         ! videoconvert ! video/x-raw,format=I420 ! appsink name=end sync=false max-buffers=1",
        vivid.source()
    ));
    player.play();
    let sample: Option<gst::Sample> = player.element("end").emit_by_name("pull-sample", &[]);
    let sample = sample.expect("a frame");
    let info = VideoInfo::from_caps(sample.caps().expect("caps")).expect("I420");
    let buffer = sample.buffer().expect("a buffer");
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).expect("mapped");
    (0..frame.n_planes())
        .map(|plane| {
            let index = plane as usize;
            let stride = usize::try_from(frame.plane_stride()[index]).expect("top to bottom");
            let (columns, rows) = (frame.comp_width(plane), frame.comp_height(plane));
            let rows = frame
                .plane_data(plane)
                .expect("a plane")
                .chunks(stride)
                .take(rows as usize);
            rows.flat_map(|row| &row[..columns as usize])
                .copied()
                .collect()
        })
        .collect()
}

#[test]
fn three_planes_hold_the_same_picture_as_two() {
    let vivid = Vivid::find();
    vivid.set_dv_timings(1920, 1080);
    vivid.show(Pattern::Colorbar75, OsdText::None);
    for size in [(362, 242), (1366, 768)] {
        let two = capture(&vivid, "NV12", size);
        assert!(
            two[1].iter().any(|&sample| sample != two[1][0]),
            "bars have colours"
        );
        for format in ["I420", "YV12"] {
            let three = capture(&vivid, format, size);
            let different = |plane: usize| {
                two[plane]
                    .iter()
                    .zip(&three[plane])
                    .filter(|(a, b)| a != b)
                    .count()
            };
            assert_eq!(
                [different(0), different(1), different(2)],
                [0; 3],
                "samples of {format} {size:?}"
            );
        }
    }
}
