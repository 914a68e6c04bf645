//! What a probe leaves behind, and how it says no.

use std::path::PathBuf;
use std::time::Duration;

use dmabuf_heap::{Frame, FrameLayout, Importer, Modifier, PlaneLayout, Suspect, Verdict};
use dmaheap_tests::cameras::{
    CONTIGUOUS, SCATTERED, SCATTERED_MULTI, SIZE, camera, expect_parts, refused, system, unknown,
};
use dmaheap_tests::census::Census;
use dmaheap_tests::command::Run;
use dmaheap_tests::v4l2_frame::{format, frame, importer, memory};
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::{note, wait};
use v4l2_import::Queue;

const PATIENCE: Duration = Duration::from_secs(20);

/// Everything `S_FMT` may change, as `v4l2-ctl` prints it. A webcam has no rectangles, and says so.
fn state(camera: &Vivid) -> String {
    let selections = ["crop", "compose"].map(|target| {
        let query = format!("target={target}");
        let run = Run::new("v4l2-ctl").args(["-d", &camera.node(), "--get-selection", &query]);
        run.finish().stdout
    });
    camera.v4l2_ctl(&["--get-fmt-video", "--get-parm"]) + &selections.concat()
}

#[test]
fn a_probe_puts_format_crop_compose_and_interval_back() {
    let camera = Vivid::find();
    let node = PathBuf::from(camera.node());
    let other = format(&node, Queue::Capture, b"NV12", (1280, 720));
    let other = frame(&*system(), &other);
    let importer = importer(&node, Queue::Capture).may_set_format(true);
    let probe = |what: &str| {
        let before = state(&camera);
        note(&before);
        assert_eq!(importer.probe(&other), Verdict::Accepted, "{what}");
        assert_eq!(state(&camera), before, "{what}");
    };

    // A webcam: an interval of its own for each size.
    camera.v4l2_ctl(&[
        "--set-fmt-video",
        "width=320,height=180,pixelformat=YUYV",
        "--set-parm",
        "15",
    ]);
    probe("a webcam");

    // A grabber with a cropper and a composer.
    camera.v4l2_ctl(&["--set-input", "3"]);
    camera.set_dv_timings(1280, 720);
    camera.v4l2_ctl(&["--set-fmt-video", "width=640,height=480,pixelformat=RGB3"]);
    camera.v4l2_ctl(&[
        "--set-selection",
        "target=crop,left=160,top=90,width=320,height=180",
    ]);
    camera.v4l2_ctl(&[
        "--set-selection",
        "target=compose,left=32,top=16,width=320,height=180",
    ]);
    probe("a grabber");
    camera.v4l2_ctl(&["--set-input", "0"]);
}

#[test]
fn without_leave_the_format_is_not_touched() {
    let camera = Vivid::find();
    let node = PathBuf::from(camera.node());
    camera.v4l2_ctl(&["--set-fmt-video", "width=640,height=360,pixelformat=NV12"]);
    let before = state(&camera);
    let importer = importer(&node, Queue::Capture);
    let heap = system();
    let probe =
        |code, size| importer.probe(&frame(&*heap, &format(&node, Queue::Capture, code, size)));
    assert_eq!(probe(b"NV12", SIZE), Verdict::Accepted);
    let why = unknown(probe(b"NV12", (1280, 720)));
    expect_parts(&why, &["NV12 640x360", "the frame is NV12 1280x720"]);
    unknown(probe(b"YUYV", SIZE));
    assert_eq!(state(&camera), before);
}

#[test]
fn a_busy_camera_is_unknown_and_keeps_streaming() {
    let census = Census::take();
    let camera = Vivid::find();
    let node = PathBuf::from(camera.node());
    camera.v4l2_ctl(&["--set-fmt-video", "width=640,height=360,pixelformat=NV12"]);
    let current = format(&node, Queue::Capture, b"NV12", SIZE);
    let frame = frame(&*system(), &current);
    for may_set_format in [false, true] {
        let importer = importer(&node, Queue::Capture).may_set_format(may_set_format);
        let program = Run::new("v4l2-ctl")
            .args(["-d", &camera.node(), "--stream-mmap"])
            .start();
        let frames = || program.output().matches('<').count();
        let wait_for = |count| {
            let arrived = wait::until(PATIENCE, || (frames() >= count).then_some(()));
            assert!(arrived.is_some(), "{}", program.output());
        };
        wait_for(3);
        let why = unknown(importer.probe(&frame));
        expect_parts(&why, &["in use", &camera.node()]);
        wait_for(frames() + 3);
        drop(program);
        assert_eq!(importer.probe(&frame), Verdict::Accepted);
    }
    drop(frame);
    census.expect_restored("probes of a busy camera");
}

#[test]
fn a_refusal_names_device_queue_buffer_and_both_sizes() {
    let node = camera(CONTIGUOUS);
    let name = format!("camera vivid ({})", node.display());
    let wanted = format(&node, Queue::Capture, b"NV12", SIZE);
    let importer = importer(&node, Queue::Capture).may_set_format(true);

    let scattered = frame(&*system(), &wanted);
    let refusal = refused(importer.probe(&scattered));
    let bytes = scattered.dmabuf(0).len().to_string();
    expect_parts(
        &refusal.to_string(),
        &[
            &name,
            "VIDIOC_PREPARE_BUF",
            "capture queue",
            "buffer 0, plane 0",
            &bytes,
            "Bad address",
        ],
    );
}

/// vivid's NV16M wants 128 bytes more than the rows, which here fill their pages.
#[test]
fn a_short_dmabuf_is_refused_with_both_sizes() {
    let node = camera(SCATTERED_MULTI);
    let format = format(&node, Queue::Capture, b"NM16", (1280, 720));
    assert_eq!(format.buffers[0].size_image, 921_600 + 128);
    let heap = system();
    let dmabufs = [memory(&*heap, 921_600), memory(&*heap, 921_600)];
    let short = Frame::new(format.layout().expect("a layout"), &dmabufs).expect("the rows fit");
    let refusal = refused(
        importer(&node, Queue::Capture)
            .may_set_format(true)
            .probe(&short),
    );
    assert_eq!(refusal.suspect, Some(Suspect::Layout), "{refusal}");
    expect_parts(
        &refusal.to_string(),
        &["buffer 0, plane 0: the dma-buf has 921600 bytes", "921728"],
    );
}

#[test]
fn planes_in_another_order_than_v4l2s_are_a_refusal() {
    let node = camera(SCATTERED);
    let format = format(&node, Queue::Capture, b"NV12", SIZE);
    let swapped = swapped(&frame(&*system(), &format));
    let refusal = refused(
        importer(&node, Queue::Capture)
            .may_set_format(true)
            .probe(&swapped),
    );
    assert_eq!(refusal.suspect, Some(Suspect::Layout), "{refusal}");
    expect_parts(&refusal.to_string(), &["plane 1 starts at 0"]);
}

/// The same memory with the second plane before the first.
fn swapped(frame: &Frame) -> Frame {
    let layout = frame.layout();
    let &[luma, chroma] = layout.planes() else {
        panic!("two planes");
    };
    let planes = [
        PlaneLayout {
            offset: chroma.len,
            ..luma
        },
        PlaneLayout {
            offset: 0,
            ..chroma
        },
    ];
    let layout = FrameLayout::with_planes(
        layout.fourcc(),
        Modifier::LINEAR,
        layout.width(),
        layout.height(),
        &planes,
    )
    .expect("planes in the other order");
    Frame::new(layout, std::slice::from_ref(frame.dmabuf(0))).expect("the same memory")
}

#[test]
fn one_dmabuf_is_refused_where_the_driver_wants_several() {
    let camera = Vivid::find_instance(SCATTERED_MULTI);
    let node = PathBuf::from(camera.node());
    let one = frame(&*system(), &format(&node, Queue::Capture, b"NV12", SIZE));
    camera.v4l2_ctl(&["--set-fmt-video", "width=640,height=360,pixelformat=NM12"]);
    let refusal = refused(importer(&node, Queue::Capture).probe(&one));
    assert_eq!(refusal.suspect, Some(Suspect::Layout));
    expect_parts(
        &refusal.to_string(),
        &[
            "NM12 spreads over 2 dma-bufs, the frame has 1",
            "the driver says where pixels start",
        ],
    );
    // With leave to change the format there is one that suits.
    let free = importer(&node, Queue::Capture).may_set_format(true);
    assert_eq!(free.probe(&one), Verdict::Accepted);
}

/// vivid's NV16M starts behind 128 bytes of its own.
#[test]
fn pixels_that_the_driver_puts_elsewhere_are_a_refusal() {
    let node = camera(SCATTERED_MULTI);
    let split = frame(&*system(), &format(&node, Queue::Capture, b"NM16", SIZE));
    let refusal = refused(
        importer(&node, Queue::Capture)
            .may_set_format(true)
            .probe(&split),
    );
    assert_eq!(refusal.suspect, Some(Suspect::Layout));
    expect_parts(&refusal.to_string(), &["offset 128"]);
}
