//! vivid's error injection: each failure is told with its numbers, gives back what went in, and leaves nothing behind.

use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{Allocator, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::v4l2_queue::{camera, frames, next, open, start, vivid};
use v4l2_import::{CaptureQueue, Dequeued, Device, Queue, QueueError, Streaming};

const SIZE: (u32, u32) = (640, 360);

fn system() -> Arc<dyn Allocator> {
    let registry = Registry::discover();
    registry.find("system").expect("the system heap")
}

/// Pushes one of vivid's buttons, or sets one of its controls.
#[track_caller]
fn inject(device: &Device, name: &str, value: i64) {
    let control = device
        .control_named(name)
        .unwrap_or_else(|error| panic!("{error}"));
    device
        .set_control(&control, value)
        .unwrap_or_else(|error| panic!("{error}"));
}

#[track_caller]
fn expect_parts(error: &QueueError, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

/// Frames until the device fails.
#[track_caller]
fn failure(camera: &CaptureQueue<Streaming>) -> QueueError {
    for _attempt in 0..100 {
        match camera.try_dequeue() {
            Ok(Dequeued::Done(done)) => match camera.enqueue(done.buffer) {
                Ok(()) => {}
                Err(failed) => return *failed.error,
            },
            Ok(_) => {
                camera.wait(Duration::from_secs(1)).expect("poll");
            }
            Err(error) => return error,
        }
    }
    panic!("{camera:?} does not fail");
}

#[test]
fn a_driver_that_makes_no_buffers_gives_queue_and_frames_back() {
    let census = Census::take();
    let (idle, format) = camera(&vivid(0), b"NV12", SIZE);
    let given = frames(&*system(), &format, 3);
    inject(idle.device(), "inject_vidioc_reqbufs_error", 1);
    let failed = idle.import(given).expect_err("an injected error");
    expect_parts(
        &failed.error,
        &[
            "VIDIOC_REQBUFS",
            "3 buffers",
            "V4L2_MEMORY_DMABUF",
            "Invalid argument",
        ],
    );
    let (idle, given) = failed.given_back;
    drop(start(idle, given));
    census.expect_restored("a driver without buffers");
}

#[test]
fn a_driver_that_refuses_a_buffer_names_it_and_all_can_be_tried_again() {
    let census = Census::take();
    let (idle, format) = camera(&vivid(0), b"NV12", SIZE);
    let given = frames(&*system(), &format, 3);
    inject(idle.device(), "inject_vidioc_qbuf_error", 1);
    let failed = idle.import(given).expect_err("an injected error");
    expect_parts(
        &failed.error,
        &[
            "buffer 0",
            "VIDIOC_PREPARE_BUF",
            "plane 0 of",
            "Invalid argument",
        ],
    );
    let (idle, given) = failed.given_back;
    let running = start(idle, given);
    let done = next(&running);
    inject(running.device(), "inject_vidioc_qbuf_error", 1);
    let index = done.buffer.index();
    let failed = running.enqueue(done.buffer).expect_err("an injected error");
    expect_parts(&failed.error, &[&format!("buffer {index}"), "VIDIOC_QBUF"]);
    running
        .enqueue(failed.given_back)
        .expect("the error was for once");
    for _frame in 0..4 {
        running.enqueue(next(&running).buffer).expect("good memory");
    }
    drop(running);
    census.expect_restored("a refused buffer");
}

#[test]
fn a_camera_that_does_not_start_gives_the_queue_back_with_its_buffers() {
    let census = Census::take();
    let (idle, format) = camera(&vivid(0), b"NV12", SIZE);
    let (ready, buffers) = idle
        .import(frames(&*system(), &format, 3))
        .unwrap_or_else(|error| panic!("{error}"));
    for buffer in buffers {
        ready.enqueue(buffer).expect("good memory");
    }
    inject(ready.device(), "inject_vidioc_streamon_error", 1);
    let failed = ready.start().expect_err("an injected error");
    expect_parts(
        &failed.error,
        &[
            "VIDIOC_STREAMON",
            "with 3 buffers queued",
            "Invalid argument",
        ],
    );
    let ready = failed.given_back;
    assert_eq!(ready.queued(), 3);
    let running = ready.start().unwrap_or_else(|error| panic!("{error}"));
    let first = next(&running);
    drop((running, first));
    census.expect_restored("a camera that does not start");
}

#[test]
fn a_damaged_picture_is_marked_and_the_queue_goes_on() {
    let (idle, format) = camera(&vivid(0), b"NV12", SIZE);
    let running = start(idle, frames(&*system(), &format, 3));
    running.enqueue(next(&running).buffer).expect("good memory");
    inject(running.device(), "inject_v4l2_buf_flag_error", 1);
    let mut damaged = 0;
    for _frame in 0..6 {
        let done = next(&running);
        damaged += u32::from(done.flags.has_error());
        running.enqueue(done.buffer).expect("good memory");
    }
    assert_eq!(damaged, 1);
}

#[test]
fn lost_pictures_are_gaps_in_the_sequence() {
    let (idle, format) = camera(&vivid(0), b"NV12", SIZE);
    inject(idle.device(), "percentage_of_dropped_buffers", 50);
    let device = idle.device().clone();
    let running = start(idle, frames(&*system(), &format, 3));
    let mut sequences = Vec::new();
    for _frame in 0..12 {
        let done = next(&running);
        sequences.push(done.sequence);
        running.enqueue(done.buffer).expect("good memory");
    }
    inject(&device, "percentage_of_dropped_buffers", 0);
    let gaps = sequences
        .windows(2)
        .filter(|pair| pair[1] > pair[0] + 1)
        .count();
    assert!(gaps > 0, "half of the pictures are dropped: {sequences:?}");
    assert!(sequences.is_sorted());
}

#[test]
fn a_queue_that_failed_starts_anew_on_the_same_frames() {
    let census = Census::take();
    let (idle, format) = camera(&vivid(0), b"NV12", SIZE);
    let given = frames(&*system(), &format, 3);
    let running = start(idle, given.clone());
    running.enqueue(next(&running).buffer).expect("good memory");
    inject(running.device(), "inject_fatal_streaming_error", 1);
    let error = failure(&running);
    expect_parts(
        &error,
        &["Input/output error", "release its buffers and start anew"],
    );
    assert!(!error.is_gone());
    let ready = running.wait(Duration::from_secs(1)).expect("poll");
    assert!(ready.has_failed, "{ready:?}");
    let (stopped, buffers) = running.stop().unwrap_or_else(|error| panic!("{error}"));
    let idle = stopped.release().unwrap_or_else(|error| panic!("{error}"));
    let running = start(idle, given);
    running.enqueue(next(&running).buffer).expect("good memory");
    drop((running, buffers));
    census.expect_restored("a failure");
}

#[test]
fn a_camera_that_is_unplugged_is_told_from_one_that_fails_and_nothing_stays() {
    let node = vivid(0);
    let census = Census::take();
    let (idle, format) = camera(&node, b"NV12", SIZE);
    let running = start(idle, frames(&*system(), &format, 3));
    let done = next(&running);
    inject(running.device(), "disconnect", 1);
    let error = failure(&running);
    assert!(error.is_gone(), "{error}");
    expect_parts(&error, &["No such device", "unplugged", "open it again"]);
    let failed = running.enqueue(done.buffer).expect_err("it is gone");
    assert!(failed.error.is_gone(), "{failed}");
    // What is gone has stopped, and has no buffers.
    let (stopped, buffers) = running.stop().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(buffers.len(), 2);
    let idle = stopped.release().unwrap_or_else(|error| panic!("{error}"));
    drop((idle, buffers, failed));
    census.expect_restored("an unplugged camera");
    // vivid comes back when its last user has let go.
    let back = open(&node);
    back.format(Queue::Capture).expect("it is back");
}
