//! What can be set on a camera beside its format: controls, intervals, rectangles, and what its pixels stand for.

use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{Allocator, Registry};
use dmaheap_tests::v4l2_queue::{
    by_peer, camera, expect_equal, frames, next, open, pixels, queue, set_format, start, still,
    vivid,
};
use v4l2_import::ControlValue::{Number, Text};
use v4l2_import::{
    Capture, Colorimetry, ControlId, Event, EventKind, FormatRequest, Interval, Queue, Rectangle,
    Rounding, SelectionTarget, Size, V4l2Fourcc,
};

const SIZE: (u32, u32) = (640, 360);

/// A camera that takes any memory.
const SCATTERED: u32 = 0;

fn system() -> Arc<dyn Allocator> {
    let registry = Registry::discover();
    registry.find("system").expect("the system heap")
}

#[track_caller]
fn expect_parts(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn controls_are_set_by_name_and_read_back_by_a_peer() {
    let vivid_camera = still(SCATTERED);
    let device = open(&vivid(SCATTERED));
    let peer = |name: &str| vivid_camera.v4l2_ctl(&["--get-ctrl", name]);
    let controls = device.controls().expect("vivid has controls");
    let listed = vivid_camera.v4l2_ctl(&["--list-ctrls"]);
    for control in &controls {
        let line = format!("{} {:#010x}", control.name, control.id.0);
        let has = listed.lines().any(|text| {
            text.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .starts_with(&line)
        });
        assert!(has, "{line} is not in {listed}");
    }
    let set = |name: &str, value: v4l2_import::ControlValue| {
        let control = device
            .control_named(name)
            .unwrap_or_else(|error| panic!("{error}"));
        let before = device.control_value(&control).expect("it can be read");
        device
            .set_control(&control, value.clone())
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            device.control_value(&control).expect("it can be read"),
            value
        );
        let text = peer(name);
        device.set_control(&control, before).expect("as it was");
        text
    };
    assert_eq!(set("brightness", Number(77)), "brightness: 77\n");
    assert_eq!(
        set("integer_64_bits", Number(-(1 << 40))),
        "integer_64_bits: -1099511627776\n"
    );
    assert_eq!(
        set("bitmask", Number(0x8040_0000)),
        "bitmask: -2143289344\n"
    );
    assert_eq!(set("string", Text("ab".into())), "string: 'ab'\n");
    assert_eq!(set("boolean", Number(0)), "boolean: 0\n");

    let menu = device.control_named("menu").expect("vivid has a menu");
    let entries = device.menu(&menu).expect("it has entries");
    assert!(
        entries.iter().any(|(_number, text)| text == "Menu Item 3"),
        "{entries:?}"
    );
    assert!(
        entries.iter().all(|(number, _text)| *number != 2),
        "one is left out: {entries:?}"
    );

    let brightness = device.control_named("brightness").expect("it has it");
    let error = device.set_control(&brightness, 256).expect_err("too much");
    expect_parts(
        &error.to_string(),
        &[
            "brightness to 256 (0 to 255 in steps of 1)",
            "VIDIOC_S_EXT_CTRLS",
        ],
    );
    let error = device.control_named("brigthness").expect_err("a slip");
    expect_parts(&error.to_string(), &["control brigthness", "contrast"]);
    let error = device.control(ControlId::ROTATE).expect_err("it cannot");
    expect_parts(&error.to_string(), &["0x00980922", "Invalid argument"]);
}

#[test]
fn a_flip_turns_the_picture_and_a_change_of_a_control_is_an_event() {
    let _camera = still(SCATTERED);
    let device = open(&vivid(SCATTERED));
    let flip = device.control_named("horizontal_flip").expect("vivid can");
    device
        .set_subscribed(EventKind::Control(flip.id), true)
        .expect("every control has events");
    let mut camera = queue::<Capture>(&device);
    let format = set_format(&mut camera, b"YU12", SIZE);
    device.set_control(&flip, true).expect("a flip");
    let peers = by_peer(&vivid(SCATTERED));
    device.set_control(&flip, false).expect("as it was");
    let given = frames(&*system(), &format, 2);
    let camera = start(camera, given);
    let done = next(&camera);
    let straight = pixels(done.buffer.frame().expect("a picture"));
    assert_eq!(device.try_event().expect("no error"), None);
    // Through another file: a change by oneself is no event.
    let other = open(&vivid(SCATTERED));
    other.set_control(&flip, true).expect("a flip");
    camera.enqueue(done.buffer).expect("the same memory again");
    let ready = camera.wait(Duration::from_secs(5)).expect("poll");
    assert!(ready.has_event, "{ready:?}");
    assert_eq!(
        device.try_event().expect("no error"),
        Some(Event::Control {
            id: flip.id,
            value: 1
        })
    );
    // The frames that were on their way are of before.
    for _frame in 0..4 {
        camera
            .enqueue(next(&camera).buffer)
            .expect("the same memory again");
    }
    let flipped = pixels(next(&camera).buffer.frame().expect("a picture"));
    other.set_control(&flip, false).expect("as it was");
    expect_equal(&flipped, &peers, "a flipped picture");
    assert!(straight != flipped);
}

#[test]
fn the_interval_is_the_nearest_that_the_camera_has() {
    let device = open(&vivid(SCATTERED));
    let before = device.interval(Queue::Capture).expect("vivid has one");
    let wanted = Interval {
        numerator: 1,
        denominator: 15,
    };
    let got = device
        .set_interval(Queue::Capture, wanted)
        .expect("near it");
    assert_eq!(got, device.interval(Queue::Capture).expect("it stays"));
    assert_eq!(
        u64::from(got.numerator) * 15,
        u64::from(got.denominator),
        "{got}"
    );
    device
        .set_interval(Queue::Capture, before)
        .expect("as it was");
}

/// A webcam of vivid has no rectangles; the HDMI machine has.
#[test]
fn a_rectangle_that_the_camera_lacks_is_an_error_with_its_name() {
    let device = open(&vivid(SCATTERED));
    let rectangle = Rectangle {
        left: 0,
        top: 0,
        width: 64,
        height: 64,
    };
    let error = device
        .set_selection(
            Queue::Capture,
            SelectionTarget::Crop,
            rectangle,
            Rounding::Exact,
        )
        .expect_err("a webcam does not crop");
    expect_parts(
        &error.to_string(),
        &["VIDIOC_S_SELECTION", "Crop to 64x64+0+0", "capture queue"],
    );
}

#[test]
fn a_camera_that_converts_colours_is_asked_for_them() {
    let device = open(&vivid(SCATTERED));
    let mut camera = queue::<Capture>(&device);
    let before = camera.format().expect("a format").colorimetry;
    let formats = device.formats(Queue::Capture).expect("it has formats");
    let code = V4l2Fourcc::from_bytes(b"NV12");
    let nv12 = formats.iter().find(|format| format.code == code);
    assert!(nv12.is_some_and(|format| format.converts_colors));
    let (width, height) = SIZE;
    // BT.2020, full range, the encoding and transfer function of Rec. 709.
    let wanted = Colorimetry {
        colorspace: 10,
        ycbcr_encoding: 2,
        quantization: 1,
        transfer: 1,
    };
    let request = FormatRequest::new(code, Size { width, height });
    let coloured = request.clone().colorimetry(wanted);
    let tried = device.try_request(Queue::Capture, &coloured);
    assert_eq!(tried.expect("it has NV12").colorimetry, wanted);
    let format = camera.set_format(&coloured).expect("it has NV12");
    assert_eq!(format.colorimetry, wanted);
    assert_eq!(camera.format().expect("a format").colorimetry, wanted);
    // vivid keeps what it was asked for until it is asked for something else, and 0 is no wish.
    let back = camera
        .set_format(&request.colorimetry(before))
        .expect("it has NV12");
    assert_eq!(back.colorimetry.colorspace, before.colorspace);
}

#[test]
fn what_pixels_stand_for_is_told() {
    let vivid_camera = still(SCATTERED);
    let (camera, _format) = camera(&vivid(SCATTERED), b"NV12", SIZE);
    let of = |colorspace: u32| {
        let item = match colorspace {
            1 => 0,
            3 => 1,
            other => panic!("colorspace {other}"),
        };
        vivid_camera.set_control("colorspace", item);
        camera.format().expect("a format").colorimetry.colorspace
    };
    assert_eq!([of(1), of(3)], [1, 3], "SMPTE 170M, Rec. 709");
    vivid_camera.set_control("colorspace", 2);
}
