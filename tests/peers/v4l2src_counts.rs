//! What the source costs, counted by the kernel: questions to the driver before the first frame, and calls for each that follows.

use std::collections::BTreeSet;
use std::time::Duration;

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::command::Run;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::{CallRate, Recorder, Trace};
use dmaheap_tests::vivid::Vivid;
use gst::prelude::*;

/// Small, so that an emulated machine keeps up.
const SIZE: (u32, u32) = (320, 180);
const SHORT: u32 = 60;
const LONG: u32 = 260;
/// Before the first frame, with all that the negotiation about memory asks and tries.
const FIRST_FRAME: usize = 60;
/// A message now and then.
const NOISE: f64 = 0.2;

/// From PAUSED to the first frame.
#[track_caller]
fn first_frame(description: &str) -> Trace {
    let player = Player::launch(description);
    player.reach(gst::State::Ready).expect("the camera opens");
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(1);
    let trace = recorder.finish().of_process(std::process::id());
    let before = trace.until_frame(1);
    note(format!("{}: {:?}", before.ioctls(), before.calls()));
    before
}

#[test]
fn the_first_frame_comes_after_at_most_sixty_ioctls() {
    let source = Vivid::find().own_source();
    for caps in [
        String::new(),
        format!("{} !", NV12.caps(Naming::Plain, SIZE)),
        format!("{},framerate=30/1 !", NV12.caps(Naming::DmaDrm, SIZE)),
    ] {
        let trace = first_frame(&format!("{source} ! {caps} fakesink"));
        let ioctls = trace.ioctls();
        assert!(
            ioctls <= FIRST_FRAME,
            "{caps} {ioctls}: {:?}",
            trace.calls()
        );
        assert!(
            trace.count("VIDIOC_QBUF") > 0,
            "the count has missed the camera"
        );
    }
}

/// Whoever asks for everything gets it, for one question about each format and each size.
#[test]
fn all_that_the_camera_can_do_costs_a_question_for_each_format_and_size() {
    let vivid = Vivid::find();
    let formats = vivid.v4l2_ctl(&["--list-formats"]).matches("]: '").count();
    let with_sizes = vivid.v4l2_ctl(&["--list-formats-ext"]);
    let sizes = with_sizes.matches("Size: ").count();
    let player = Player::launch(&format!("{} name=camera ! fakesink", vivid.own_source()));
    player.reach(gst::State::Ready).expect("the camera opens");
    let pad = player.element("camera").static_pad("src").expect("a pad");
    let recorder = Recorder::start();
    let caps = pad.query_caps(None);
    let first = recorder.finish().of_process(std::process::id());
    let recorder = Recorder::start();
    assert_eq!(pad.query_caps(None), caps);
    let again = recorder.finish().of_process(std::process::id());
    let asked = first.ioctls();
    note(format!(
        "{formats} formats, {sizes} sizes, {asked} ioctls; {caps}"
    ));
    assert!(formats > 30 && sizes > formats, "{with_sizes}");
    // Each list ends with a refusal.
    assert!(asked <= 2 * formats + sizes + 40, "{:?}", first.calls());
    assert_eq!(again.ioctls(), 0, "{:?}", again.calls());
    for part in ["drm-format", "NV12", "YUY2", "width=(int)640"] {
        assert!(
            caps.to_string().contains(part),
            "{part} is missing in {caps}"
        );
    }
}

#[track_caller]
fn traces(rest: &str) -> (Trace, Trace) {
    let vivid = Vivid::find();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let record = |frames: u32| {
        let source = format!("{} num-buffers={frames}", vivid.own_source());
        let pipeline = format!("-q {source} ! {caps},framerate=30/1 ! {rest}");
        Recorder::record(Run::pipeline(&pipeline).limit(Duration::from_mins(1))).1
    };
    (record(SHORT), record(LONG))
}

/// `poll`, DQBUF, and QBUF where the frame is let go of in the same thread.
#[test]
fn a_frame_costs_three_calls_in_the_thread_of_the_source() {
    const CALLS: f64 = 3.0;
    let (_short, long) = traces("fakesink");
    let steady = long.between_frames(50, 250);
    note(format!("{:?}", steady.calls()));
    let mut threads = steady.threads().into_iter();
    let source = threads.find(|name| name.starts_with("dmaheapv4l2src"));
    let source = source.expect("a thread of the source");
    let rate = CallRate::typical(&steady.of_thread(&source));
    assert!(rate.calls > CALLS - NOISE, "a frame needs those: {rate:?}");
    assert!(rate.calls <= CALLS + NOISE, "{rate:?}");
}

/// What a busy host adds, it adds at random; three attempts tell that from a cost of the code.
#[test]
fn camera_and_display_together_cost_at_most_eight_calls_a_frame() {
    const ATTEMPTS: usize = 3;
    const CALLS: f64 = 8.0;
    let is_within = |_attempt| {
        let (short, long) = traces("dmaheapkmssink driver-name=vkms");
        let rate = CallRate::between(&short, &long);
        note(format!(
            "{rate:?} {:?}",
            long.between_frames(50, 250).calls()
        ));
        rate.calls <= CALLS
    };
    assert!((0..ATTEMPTS).any(is_within), "more than {CALLS} calls");
}

/// Nobody allocates, attaches, imports or maps while frames flow, and each buffer number has one dma-buf for good.
#[test]
fn every_buffer_keeps_its_dma_buf_over_a_thousand_frames() {
    const FRAMES: usize = 1000;
    let vivid = Vivid::find();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    // Without the clock no frame is late; one is imported when it is first shown.
    let pipeline = format!(
        "{} ! {caps},framerate=60/1 ! dmaheapkmssink driver-name=vkms sync=false zero-copy=required",
        vivid.own_source()
    );
    let player = Player::launch(&pipeline);
    let recorder = Recorder::start();
    player.play();
    for _part in 0..FRAMES / 50 {
        player.wait_frames(50);
    }
    let names = ["frames", "imported", "copies", "allocations"];
    let [frames, imported, copies, allocations] = player.stats("dmaheapv4l2src", names);
    drop(player);
    let trace = recorder.finish().of_process(std::process::id());
    assert!(trace.frames() >= FRAMES, "{}", trace.frames());
    assert!(frames >= 1000 && frames.abs_diff(imported) <= 1 && copies == 0);
    // Before the first round each was imported already, to see whether the driver takes it.
    let by_index = trace.between_frames(20, trace.frames()).by_index();
    note(format!("{by_index:?}, {allocations} allocations"));
    assert!(by_index.len() >= 4, "{by_index:?}");
    let shared: BTreeSet<_> = by_index.values().flatten().collect();
    assert!(
        by_index.values().all(|variants| variants.len() == 1),
        "{by_index:?}"
    );
    assert_eq!(
        shared.len(),
        by_index.len(),
        "no two numbers share a dma-buf"
    );
    let steady = trace.between_frames(50, FRAMES);
    for call in [
        "DMA_HEAP_IOCTL_ALLOC",
        "DRM_IOCTL_PRIME_FD_TO_HANDLE",
        "DMA_BUF_IOCTL_SYNC",
    ] {
        assert_eq!(steady.count(call), 0, "{call}");
    }
    assert_eq!(
        (steady.attachments(), steady.exported(), steady.mapped()),
        (0, [].into(), [].into())
    );
    trace.expect_zero_copy(50);
}
