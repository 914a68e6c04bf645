//! A mem2mem device makes one frame of each, of frames that it did not know beforehand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{Allocator, Fourcc, Frame, FrameSpec, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::device;
use dmaheap_tests::v4l2_m2m::moment;
use dmaheap_tests::v4l2_queue::{fill, open, pixels};
use v4l2_import::{ConvertError, Converter, Rectangle, Side, Transform};

const SIZE: (u32, u32) = (64, 48);
const PATIENCE: Duration = Duration::from_secs(10);

fn vim2m() -> PathBuf {
    device::video_node("vim2m")
}

fn system() -> Arc<dyn Allocator> {
    Registry::discover()
        .find("system")
        .expect("the system heap")
}

fn spec(fourcc: Fourcc, (width, height): (u32, u32)) -> FrameSpec {
    FrameSpec::new(fourcc, width, height)
}

/// A frame of a heap that lies as usual.
fn frame(spec: &FrameSpec) -> Frame {
    let request = dmabuf_heap::LayoutRequest::new(spec.fourcc, spec.width, spec.height);
    system().allocate(&request).expect("memory")
}

fn start(from: &Frame, to: &Frame, transform: &Transform, numbers: u32) -> Converter {
    let device = open(&vim2m());
    Converter::start(&device, from.into(), to.into(), transform, numbers)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn flipped() -> Transform {
    Transform {
        horizontal_flip: true,
        ..Transform::default()
    }
}

/// Bytes that tell each pixel from its neighbours.
fn noise(len: usize) -> Vec<u8> {
    let byte = |at: usize| u8::try_from(at * 7 % 251).expect("below 251");
    (0..len).map(byte).collect()
}

#[test]
fn frames_that_come_and_go_keep_their_numbers() {
    let census = Census::take();
    let spec = spec(Fourcc::BGR888, SIZE);
    let sources: Vec<_> = (0..3).map(|_source| frame(&spec)).collect();
    let results: Vec<_> = (0..2).map(|_result| frame(&spec)).collect();
    let mut converter = start(&sources[0], &results[0], &flipped(), 4);
    let len = pixels(&sources[0]).len();
    for (index, source) in sources.iter().enumerate() {
        fill(source, &noise(len + index)[index..]);
    }
    for turn in 0..20_u32 {
        let source = &sources[turn as usize % 3];
        let result = &results[turn as usize % 2];
        let made = converter
            .convert(source, result, moment(turn), PATIENCE)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((&made.frame, made.timestamp), (result, moment(turn)));
        let row = SIZE.0 as usize * 3;
        let turned: Vec<u8> = pixels(source)
            .chunks(row)
            .flat_map(|row| row.chunks(3).rev().flatten().copied())
            .collect();
        assert!(pixels(result) == turned, "turn {turn}");
    }
    assert_eq!((converter.attached(), converter.moved()), (5, 0));
    drop((converter, sources, results));
    census.expect_restored("a converter");
}

#[test]
fn more_frames_than_numbers_share_them_and_are_counted() {
    let spec = spec(Fourcc::RGB565, SIZE);
    let sources: Vec<_> = (0..3).map(|_source| frame(&spec)).collect();
    let result = frame(&spec);
    let mut converter = start(&sources[0], &result, &Transform::default(), 2);
    for turn in 0..6_u32 {
        let source = &sources[turn as usize % 3];
        let bytes = noise(pixels(source).len());
        fill(source, &bytes);
        converter
            .convert(source, &result, moment(turn), PATIENCE)
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(pixels(&result) == bytes, "turn {turn}");
    }
    assert_eq!((converter.attached(), converter.moved()), (3, 4));
}

#[test]
fn a_frame_that_is_too_short_is_refused_and_the_next_one_taken() {
    let spec = spec(Fourcc::BGR888, SIZE);
    let (source, result) = (frame(&spec), frame(&spec));
    let small = frame(&self::spec(Fourcc::BGR888, (SIZE.0, SIZE.1 / 2)));
    let mut converter = start(&source, &result, &Transform::default(), 4);
    assert!(converter.fits(&source, &result) && !converter.fits(&small, &result));
    let error = converter
        .convert(&small, &result, moment(0), PATIENCE)
        .expect_err("half a picture");
    assert!(error.refused_input(), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("output queue") && text.contains("64x24"),
        "{text}"
    );
    converter
        .convert(&source, &result, moment(1), PATIENCE)
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_the_device_does_not_do_is_said_before_it_starts() {
    let node = vim2m();
    let ask = |from: &FrameSpec, to: &FrameSpec, transform: &Transform| {
        Converter::prospect(&open(&node), &Side::of(from), &Side::of(to), transform)
    };
    let (rgb, yuyv) = (spec(Fourcc::BGR888, SIZE), spec(Fourcc::YUYV, SIZE));
    let scaled = ask(&rgb, &spec(Fourcc::YUYV, (128, 96)), &flipped()).expect("vim2m does that");
    assert_eq!((scaled.to.width, scaled.to.height), (128, 96));

    let nv12 = spec(Fourcc::NV12, SIZE);
    let text = ask(&nv12, &rgb, &flipped())
        .expect_err("no NV12")
        .to_string();
    for part in ["output queue", "NV12 64x48", "nearest", "vim2m"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    let rotated = Transform {
        rotate: 90,
        ..Transform::default()
    };
    let error = ask(&rgb, &yuyv, &rotated).expect_err("vim2m does not turn");
    assert!(matches!(error, ConvertError::NoControl { .. }), "{error}");
    let cropped = Transform {
        crop: Some(Rectangle {
            left: 8,
            top: 8,
            width: 16,
            height: 16,
        }),
        ..Transform::default()
    };
    let error = ask(&rgb, &yuyv, &cropped).expect_err("vim2m does not crop");
    assert!(error.to_string().contains("VIDIOC_S_SELECTION"), "{error}");
}
