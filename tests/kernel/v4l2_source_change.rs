//! An HDMI grabber whose source changes while it streams, and its rectangles.

use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{Allocator, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::v4l2_queue::{frames, next, open, queue, set_format, start, vivid};
use dmaheap_tests::vivid::Vivid;
use v4l2_import::{Capture, Event, EventKind, Queue, Rectangle, Rounding, SelectionTarget, Size};

fn system() -> Arc<dyn Allocator> {
    let registry = Registry::discover();
    registry.find("system").expect("the system heap")
}

/// The number of an entry of vivid's menu of timings.
#[track_caller]
fn timings_named(device: &v4l2_import::Device, name: &str) -> i64 {
    let control = device.control_named("dv_timings").expect("vivid has it");
    let entries = device.menu(&control).expect("it has entries");
    let found = entries.iter().find(|(_number, text)| text == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {entries:?}"))
        .0
}

/// What vivid pretends to receive.
const CURRENT_TIMINGS: i64 = 0;
const NO_SIGNAL: i64 = 1;
const SELECTED_TIMINGS: i64 = 4;

#[test]
fn another_signal_is_an_event_and_the_queue_starts_anew_in_its_size() {
    let camera = Vivid::find();
    camera.set_dv_timings(640, 480);
    let node = vivid(0);
    let census = Census::take();
    let device = open(&node);
    device
        .set_subscribed(EventKind::SourceChange, true)
        .expect("a grabber tells");
    let mut idle = queue::<Capture>(&device);
    let format = set_format(&mut idle, b"NV12", (640, 480));
    let running = start(idle, frames(&*system(), &format, 3));
    let first = next(&running);
    running
        .enqueue(first.buffer)
        .expect("the same memory again");
    // What the subscription itself tells is of before.
    while device.try_event().expect("no error").is_some() {}

    let number = timings_named(&device, "1280x720p60");
    camera.set_control("dv_timings", number);
    camera.set_control("dv_timings_signal_mode", SELECTED_TIMINGS);
    let mut event = None;
    for _attempt in 0..50 {
        event = device.try_event().expect("no error");
        if event.is_some() {
            break;
        }
        let ready = running.wait(Duration::from_secs(1)).expect("poll");
        if ready.has_buffer {
            running
                .enqueue(next(&running).buffer)
                .expect("the same memory again");
        }
    }
    let expected = Event::SourceChange {
        is_resolution: true,
    };
    assert_eq!(event, Some(expected));

    let timings = device.source_timings().expect("there is a signal");
    assert_eq!(
        timings.size(),
        Size {
            width: 1280,
            height: 720
        }
    );
    assert_eq!(timings.pixel_clock_hz(), 74_250_000);
    let error = device.set_timings(&timings).expect_err("it streams");
    assert!(error.to_string().contains("VIDIOC_S_DV_TIMINGS"), "{error}");
    let (stopped, buffers) = running.stop().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(buffers.len(), 3);
    let mut idle = stopped.release().unwrap_or_else(|error| panic!("{error}"));
    device.set_timings(&timings).expect("it is free");
    assert_eq!(device.current_timings().expect("just set"), timings);
    let format = set_format(&mut idle, b"NV12", (1280, 720));
    let running = start(idle, frames(&*system(), &format, 3));
    for _frame in 0..3 {
        let done = next(&running);
        assert_eq!(done.planes()[0].bytes_used, 1280 * 720 * 3 / 2);
        running.enqueue(done.buffer).expect("the same memory again");
    }
    camera.set_control("dv_timings_signal_mode", NO_SIGNAL);
    let error = device.source_timings().expect_err("the cable is out");
    assert!(error.to_string().contains("there is no signal"), "{error}");
    camera.set_control("dv_timings_signal_mode", CURRENT_TIMINGS);
    drop((running, buffers, device));
    census.expect_restored("a change of the source");
}

#[test]
fn a_grabber_crops_and_composes_where_it_is_told() {
    let camera = Vivid::find();
    camera.set_dv_timings(640, 480);
    let device = open(&vivid(0));
    let mut idle = queue::<Capture>(&device);
    set_format(&mut idle, b"NV12", (640, 480));
    let bounds = device
        .selection(Queue::Capture, SelectionTarget::CropBounds)
        .expect("it crops");
    assert_eq!((bounds.width, bounds.height), (640, 480));
    let wanted = Rectangle {
        left: 64,
        top: 32,
        width: 320,
        height: 240,
    };
    for target in [SelectionTarget::Crop, SelectionTarget::Compose] {
        let got = device
            .set_selection(Queue::Capture, target, wanted, Rounding::Nearest)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((got.width, got.height), (320, 240), "{target:?}");
        let now = device.selection(Queue::Capture, target);
        assert_eq!(now.expect("it stays"), got, "{target:?}");
    }
    // What no driver can have.
    let beyond = Rectangle {
        left: 0,
        top: 0,
        width: 4096,
        height: 4096,
    };
    let error = device
        .set_selection(
            Queue::Capture,
            SelectionTarget::Crop,
            beyond,
            Rounding::Exact,
        )
        .expect_err("the picture is smaller");
    assert!(
        error.to_string().contains("Crop to 4096x4096+0+0"),
        "{error}"
    );
}
