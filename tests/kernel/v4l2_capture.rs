//! Cameras fill frames through the queues of `v4l2-import`: the pixels are right, the memory is the one that was given, and nothing
//! is left behind.

use std::env;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{Allocator, LayoutRequest, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::note;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::v4l2_frame::frame;
use dmaheap_tests::v4l2_queue::{
    by_peer, camera, expect_equal, frames, next, open, pixels, queue, set_format, start, still,
    vivid,
};
use v4l2_import::{
    BufferQueue, Capture, CaptureQueue, Clock, Dequeued, FormatRequest, Interval, Output, Queue,
    Size, Streaming, V4l2Fourcc,
};

const SIZE: (u32, u32) = (640, 360);

/// The cameras of this machine, by what they want.
const SCATTERED: u32 = 0;
const CONTIGUOUS: u32 = 1;
const SCATTERED_MULTI: u32 = 2;
const CONTIGUOUS_MULTI: u32 = 3;

/// Cameras, the heap whose memory they take, and a format.
const PATHS: [(u32, &str, &[u8; 4]); 9] = [
    (SCATTERED, "system", b"YUYV"),
    (SCATTERED, "system", b"NV12"),
    (SCATTERED, "system", b"YU12"),
    (CONTIGUOUS, "default_cma_region", b"NV12"),
    (SCATTERED_MULTI, "system", b"NM12"),
    (SCATTERED_MULTI, "system", b"YM12"),
    (SCATTERED_MULTI, "system", b"NV12"),
    (SCATTERED_MULTI, "system", b"YU12"),
    (CONTIGUOUS_MULTI, "default_cma_region", b"NM12"),
];

fn heap(name: &str) -> Arc<dyn Allocator> {
    let registry = Registry::discover();
    registry
        .find(name)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn expect_parts(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

/// The figure under `--soak`; enough to see a leak otherwise.
fn cycles() -> usize {
    if env::var_os("DMAHEAP_SOAK").is_some() {
        200
    } else {
        5
    }
}

#[test]
fn imported_frames_hold_the_picture_that_a_peer_sees() {
    for (instance, name, code) in PATHS {
        let _camera = still(instance);
        let node = vivid(instance);
        let what = format!("{} of {}", V4l2Fourcc::from_bytes(code), node.display());
        let census = Census::take();
        let (camera, format) = camera(&node, code, SIZE);
        let peers = by_peer(&node);
        let given = frames(&*heap(name), &format, 4);
        let camera = start(camera, given.clone());
        assert_eq!(camera.queued(), 4);
        let mut last = None;
        for _frame in 0..8 {
            let done = next(&camera);
            let index = done.buffer.index() as usize;
            assert_eq!(done.buffer.frame(), Some(&given[index]), "{what}");
            expect_equal(&pixels(&given[index]), &peers, &what);
            assert!(!done.flags.has_error() && !done.flags.is_last());
            assert_eq!(done.flags.clock(), Clock::Monotonic);
            let used: Vec<_> = done.planes().iter().map(|plane| plane.bytes_used).collect();
            let sizes: Vec<_> = format.buffers.iter().map(|b| b.size_image).collect();
            assert_eq!(used, sizes, "{what}");
            let moment = (done.sequence, done.timestamp);
            assert!(
                last.is_none_or(|last| last < moment),
                "{last:?} → {moment:?}"
            );
            last = Some(moment);
            camera.enqueue(done.buffer).expect("the same memory again");
        }
        drop(camera);
        drop(given);
        census.expect_restored(&what);
    }
}

/// Each number of a buffer meets one dma-buf, or one for each plane, in whatever order buffers come back.
#[test]
fn every_buffer_keeps_its_dma_buf_over_a_thousand_frames() {
    let attached = stream_traced((SCATTERED_MULTI, "system", b"NM12"), 1000);
    assert_eq!(
        attached, 0,
        "vivid copies by CPU here, and attaches to no device"
    );
}

/// The device of this camera has the memory mapped for it. That is done once for each dma-buf.
#[test]
fn every_dma_buf_is_attached_once() {
    let attached = stream_traced((CONTIGUOUS, "default_cma_region", b"NV12"), 200);
    assert_eq!(attached, 4);
}

/// Streams so many frames on four, checks the trace, and returns how often a dma-buf was attached.
#[track_caller]
fn stream_traced(path: (u32, &str, &[u8; 4]), count: usize) -> usize {
    let (instance, name, code) = path;
    let _camera = still(instance);
    let device = open(&vivid(instance));
    let mut camera = queue::<Capture>(&device);
    let format = set_format(&mut camera, code, (320, 180));
    device
        .set_interval(Queue::Capture, fastest(&device, format.code))
        .expect("vivid has intervals");
    let given = frames(&*heap(name), &format, 4);
    let recorder = Recorder::start();
    let camera = start(camera, given.clone());
    // Kept for a while and given back in another order, as a pipeline does.
    let mut held = Vec::new();
    for _frame in 0..count {
        held.push(next(&camera).buffer);
        if held.len() == 3 {
            for buffer in held.drain(..).rev() {
                camera.enqueue(buffer).expect("the same memory again");
            }
        }
    }
    let trace = recorder.finish().of_process(process::id());
    drop(camera);
    let steady = trace.between_frames(8, trace.frames());
    assert!(trace.frames() >= count);
    let by_index = steady.by_index();
    let expected = (0..).zip(given.iter().map(|frame| {
        let planes: Vec<_> = frame.dmabufs().map(|dmabuf| dmabuf.id().inode).collect();
        [planes].into()
    }));
    assert_eq!(by_index, expected.collect());
    assert!(steady.mapped().is_empty());
    let calls = steady.calls();
    note(format_args!("{calls:?}"));
    let frames = u64::try_from(steady.frames()).expect("a few");
    let count = |name: &str| calls.get(name).copied().unwrap_or(0);
    // The program looks for a frame before it waits for one, and reads the clock where the kernel has no faster way.
    let known = [
        "VIDIOC_DQBUF",
        "VIDIOC_QBUF",
        "poll",
        "ppoll",
        "clock_gettime",
    ];
    let others: Vec<_> = calls
        .keys()
        .filter(|name| !known.contains(&name.as_str()))
        .collect();
    assert!(others.is_empty(), "{calls:?}");
    assert!(count("VIDIOC_QBUF") <= frames + 3, "{calls:?}");
    assert!(count("VIDIOC_DQBUF") <= 2 * frames + 10, "{calls:?}");
    trace.attachments()
}

fn fastest(device: &v4l2_import::Device, code: V4l2Fourcc) -> Interval {
    let size = Size {
        width: 320,
        height: 180,
    };
    match device.intervals(code, size).expect("vivid has intervals") {
        v4l2_import::Choices::Discrete(intervals) => intervals
            .into_iter()
            .min_by(|a, b| {
                let cross =
                    |a: &Interval, b: &Interval| u64::from(a.numerator) * u64::from(b.denominator);
                cross(a, b).cmp(&cross(b, a))
            })
            .expect("at least one"),
        v4l2_import::Choices::Range { min, .. } => min,
    }
}

#[test]
fn a_refused_import_gives_queue_and_frames_back_for_another_try() {
    let _camera = still(CONTIGUOUS);
    let node = vivid(CONTIGUOUS);
    let census = Census::take();
    let (camera, format) = camera(&node, b"NV12", SIZE);
    let scattered = frames(&*heap("system"), &format, 3);
    let failed = camera
        .import(scattered.clone())
        .expect_err("this camera wants contiguous memory");
    let name = format!("camera vivid ({}), capture queue, buffer 0", node.display());
    expect_parts(
        &failed.to_string(),
        &[
            &name,
            "VIDIOC_PREPARE_BUF",
            &format!("plane 0 of {} bytes", scattered[0].dmabuf(0).len()),
            "Bad address",
            "contiguous memory",
        ],
    );
    let (camera, given_back) = failed.given_back;
    assert_eq!(given_back, scattered);
    let camera = start(camera, frames(&*heap("default_cma_region"), &format, 3));
    for _frame in 0..3 {
        camera
            .enqueue(next(&camera).buffer)
            .expect("contiguous memory");
    }
    drop((camera, given_back, scattered));
    census.expect_restored("a refused and an accepted import");
}

#[test]
fn frames_of_another_layout_are_refused_before_the_kernel_is_asked() {
    let node = vivid(SCATTERED_MULTI);
    let census = Census::take();
    let (camera, format) = camera(&node, b"NM12", SIZE);
    let heap = heap("system");
    let one = LayoutRequest::new(format.code.drm().expect("NV12"), SIZE.0, SIZE.1);
    let one = heap.allocate(&one).expect("memory");
    let good = frame(&*heap, &format);
    let failed = camera
        .import(vec![good, one])
        .expect_err("NM12 is in two dma-bufs");
    expect_parts(
        &failed.to_string(),
        &[
            "buffer 1",
            "NM12 spreads over 2 dma-bufs, the frame has 1",
            "on capture the driver says where pixels start",
        ],
    );
    let (camera, given_back) = failed.given_back;
    assert_eq!(given_back.len(), 2);
    let failed = camera.import(Vec::new()).expect_err("no frames");
    expect_parts(&failed.to_string(), &["0 buffers", "at least one frame"]);
    drop((failed, given_back, heap));
    census.expect_restored("refusals");
}

#[test]
fn starts_and_stops_leave_nothing_behind() {
    for (instance, name, code) in [PATHS[1], PATHS[3], PATHS[5]] {
        let _camera = still(instance);
        let (mut camera, format) = camera(&vivid(instance), code, SIZE);
        let given = frames(&*heap(name), &format, 3);
        let census = Census::take();
        for cycle in 0..cycles() {
            let running = start(camera, given.clone());
            let mut held = next(&running);
            for _frame in 0..2 {
                running.enqueue(held.buffer).expect("the same memory again");
                held = next(&running);
            }
            // A buffer may be held while the queue stops, and starts again.
            let (stopped, buffers) = running.stop().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(buffers.len(), 2, "cycle {cycle}");
            stopped.enqueue(held.buffer).expect("before the start");
            for buffer in buffers {
                stopped.enqueue(buffer).expect("before the start");
            }
            let running = stopped.start().unwrap_or_else(|error| panic!("{error}"));
            let _last = next(&running);
            let (stopped, _buffers) = running.stop().unwrap_or_else(|error| panic!("{error}"));
            camera = stopped.release().unwrap_or_else(|error| panic!("{error}"));
        }
        census.expect_restored("restarts");
    }
}

#[test]
fn a_queue_has_one_owner_and_takes_its_own_buffers_only() {
    let node = vivid(SCATTERED);
    let census = Census::take();
    let (camera, format) = camera(&node, b"NV12", SIZE);
    let device = camera.device().clone();
    let error = CaptureQueue::new(&device).expect_err("it has an owner");
    expect_parts(&error.to_string(), &["capture queue", "already"]);
    let error = BufferQueue::<Output, _>::new(&device).expect_err("a camera has no output");
    expect_parts(
        &error.to_string(),
        &["output queue", "capture queue", "another node"],
    );

    let heap = heap("system");
    let (first, mut earlier) = camera
        .import(frames(&*heap, &format, 2))
        .unwrap_or_else(|error| panic!("{error}"));
    let camera = first.release().unwrap_or_else(|error| panic!("{error}"));
    // Another file of the same camera, taken while nobody streams.
    let mut other = queue::<Capture>(&open(&node));
    let running = start(camera, frames(&*heap, &format, 2));
    let stale = running
        .enqueue(earlier.remove(0))
        .expect_err("it was released");
    expect_parts(&stale.to_string(), &["buffer 0", "released"]);

    let error = CaptureQueue::new(&open(&node)).expect_err("somebody streams");
    expect_parts(
        &error.to_string(),
        &["VIDIOC_QUERYBUF", "somebody streams", "end the program"],
    );
    let request = FormatRequest::from(&format);
    let error = other.set_format(&request).expect_err("somebody streams");
    expect_parts(&error.to_string(), &["VIDIOC_S_FMT", "busy"]);
    let failed = other
        .import(frames(&*heap, &format, 2))
        .expect_err("somebody streams");
    expect_parts(
        &failed.to_string(),
        &["VIDIOC_REQBUFS", "2 buffers", "busy", "another program"],
    );
    drop((stale, failed, running, earlier, device, heap));
    census.expect_restored("quarrels");
}

#[test]
fn nothing_waits_but_wait() {
    let (camera, format) = camera(&vivid(SCATTERED), b"NV12", SIZE);
    let (camera, buffers) = camera
        .import(frames(&*heap("system"), &format, 2))
        .unwrap_or_else(|error| panic!("{error}"));
    let camera: CaptureQueue<Streaming> = camera.start().unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(camera.try_dequeue(), Ok(Dequeued::NotYet)));
    // One thread takes frames while another gives buffers.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for buffer in buffers {
                camera.enqueue(buffer).expect("good memory");
            }
        });
        for _frame in 0..2 {
            let _done = next(&camera);
        }
    });
    let ready = camera.wait(Duration::from_millis(100)).expect("poll");
    assert!(!ready.has_buffer, "the program holds all of them");
}
