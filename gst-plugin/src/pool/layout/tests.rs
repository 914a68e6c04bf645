use dmabuf_heap::NegotiateError;

use super::*;
use crate::testing::Device;

fn caps(format: &str, width: u32, height: u32) -> VideoCaps {
    gst::init().expect("GStreamer");
    let text = format!("video/x-raw,format={format},width={width},height={height},framerate=30/1");
    VideoCaps::parse(&text.parse::<gst::Caps>().expect("caps syntax")).expect("caps")
}

fn of_size(size: u64) -> Asked {
    Asked {
        size,
        ..Asked::default()
    }
}

/// The layout that meets the conditions and nothing else.
fn solved(caps: &VideoCaps, asked: &Asked, writer: &Writer) -> FrameLayout {
    let shape = Shape::of(caps, asked, writer).expect("a shape");
    let request = shape.constraints[0].request(caps.picture());
    request.expect("solved").layout().expect("a layout")
}

fn planes(layout: &FrameLayout) -> Vec<(u64, u32)> {
    layout
        .planes()
        .iter()
        .map(|plane| (plane.offset, plane.stride))
        .collect()
}

const CAMERA: Writer = Writer::V4l2(None);

#[test]
fn elements_get_gstreamers_layout() {
    for (format, height) in [("I420", 242), ("I420", 241), ("NV12", 241), ("Y42B", 241)] {
        let caps = caps(format, 362, height);
        for reads_meta in [false, true] {
            let asked = Asked {
                reads_meta,
                ..Asked::default()
            };
            let shape = Shape::of(&caps, &asked, &Writer::Element).expect("a shape");
            assert_eq!(shape.len, caps.info().size() as u64);
            let layout = solved(&caps, &asked, &Writer::Element);
            assert_eq!(
                Ok(layout),
                gstreamer_layout(&caps, caps.info()),
                "{format} 362x{height}"
            );
        }
    }
}

#[test]
fn only_who_reads_the_meta_can_have_wider_rows() {
    let caps = caps("NV12", 362, 242);
    let display = Constraints::of("a display").stride_align(256);
    let together = |reads_meta| -> Result<LayoutRequest, NegotiateError> {
        let asked = Asked {
            reads_meta,
            ..Asked::default()
        };
        let shape = Shape::of(&caps, &asked, &Writer::Element).expect("a shape");
        let last = shape.constraints.last().expect("at least one");
        let merged = last.merge(&display)?;
        Ok(merged.request(caps.picture())?)
    };
    let wide = together(true).expect("wider rows").layout();
    assert_eq!(wide.expect("a layout").planes()[0].stride, 512);
    assert!(together(false).is_err());
}

#[test]
fn both_rules_for_chroma_agree_in_what_a_driver_gets() {
    let caps = caps("I420", 362, 242);
    let layout = solved(&caps, &of_size(caps.info().size() as u64), &CAMERA);
    assert_eq!(
        planes(&layout),
        [(0, 368), (368 * 242, 184), (368 * 242 + 184 * 121, 184)]
    );
}

#[test]
fn where_the_rules_agree_nothing_is_widened() {
    for (format, width) in [
        ("NV12", 362),
        ("I420", 1366),
        ("BGRx", 362),
        ("RGB16", 362),
        ("BGR", 362),
    ] {
        let caps = caps(format, width, 242);
        let layout = solved(&caps, &of_size(caps.info().size() as u64), &CAMERA);
        assert_eq!(Ok(layout), gstreamer_layout(&caps, caps.info()), "{format}");
    }
}

#[test]
fn at_every_width_both_rules_give_what_a_driver_gets() {
    for format in [
        "I420", "YV12", "Y42B", "NV12", "NV16", "YUY2", "BGRx", "BGR", "RGB16",
    ] {
        for width in (16..=640).step_by(2) {
            let caps = caps(format, width, 48);
            let layout = solved(&caps, &of_size(0), &CAMERA);
            let first = layout.planes()[0].stride;
            let request =
                LayoutRequest::new(caps.format().fourcc, width, 48).plane_strides(&[first]);
            assert_eq!(
                request.layout(),
                Ok(layout),
                "V4L2's rule for {format} {width}"
            );

            let usual = gstreamer_layout(&caps, caps.info()).expect(format);
            for (plane, usual) in layout.planes().iter().zip(usual.planes()) {
                assert!(
                    plane.stride.is_multiple_of(GSTREAMER_ALIGN),
                    "{format} {width}"
                );
                assert!(
                    plane.stride >= usual.stride && plane.offset >= usual.offset,
                    "{format} {width}"
                );
            }
            assert!(
                first - usual.planes()[0].stride <= 8,
                "{format} {width} is not widened for nothing"
            );
        }
    }
}

#[test]
fn the_size_tells_the_strides_of_a_driver_that_cannot_be_asked() {
    let wide = solved(
        &caps("NV12", 1366, 768),
        &of_size(1408 * 768 * 3 / 2),
        &CAMERA,
    );
    assert_eq!(planes(&wide), [(0, 1408), (1408 * 768, 1408)]);

    let in_pages = (384_u64 * 242 * 3 / 2).next_multiple_of(PAGE_LEN);
    let paged = solved(&caps("NV12", 362, 242), &of_size(in_pages), &CAMERA);
    assert_eq!(paged.planes()[0].stride, 384);
}

#[test]
fn an_unexplained_size_keeps_gstreamers_layout() {
    let layout = solved(&caps("NV12", 640, 480), &of_size(700_000), &CAMERA);
    assert_eq!(planes(&layout), [(0, 640), (640 * 480, 640)]);
}

#[test]
fn a_driver_that_says_its_stride_is_believed() {
    let stride = Constraints::of("camera").stride_min(0, 1408);
    let driver = Writer::V4l2(Some(Device::needing("camera", stride)));
    let layout = solved(&caps("NV12", 1366, 768), &of_size(0), &driver);
    assert_eq!(planes(&layout), [(0, 1408), (1408 * 768, 1408)]);
}

#[test]
fn a_padding_that_is_asked_for_is_kept() {
    let caps = caps("NV12", 362, 242);
    let padded = |top, bottom| Asked {
        alignment: Some(VideoAlignment::new(top, bottom, 0, 0, &[63, 63, 0, 0])),
        ..Asked::default()
    };
    let below = Shape::of(&caps, &padded(0, 14), &Writer::Element).expect("a shape");
    assert_eq!(
        planes(&below.padded.expect("padded")),
        [(0, 384), (384 * 256, 384)]
    );
    assert_eq!(below.len, 384 * 256 * 3 / 2);
    assert_eq!(
        planes(&solved(&caps, &padded(0, 14), &Writer::Element)),
        [(0, 384), (384 * 256, 384)]
    );
    let above = Shape::of(&caps, &padded(14, 0), &Writer::Element).expect("a shape");
    assert_eq!(
        planes(&above.padded.expect("padded")),
        [(14 * 384, 384), (384 * 256 + 7 * 384, 384)]
    );
}
