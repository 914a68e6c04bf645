//! `dmaheapconvert` by a mem2mem device: vivid to vim2m to vkms, in the same dma-bufs, and what it says when that cannot be.

use std::collections::BTreeSet;

use dmaheap_tests::census::Census;
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::{Recorder, Trace};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use gst::prelude::*;

const SIZE: (u32, u32) = (320, 240);
/// Frames of the steady state that are looked at.
const STEADY: usize = 70;
const STATS: [&str; 5] = [
    "frames",
    "imported",
    "copies",
    "converted",
    "re-attachments",
];

/// What comes out of the camera: vim2m reads it, and vkms does not show it.
fn camera(vivid: &Vivid, format: &str, io_mode: &str) -> String {
    let (width, height) = SIZE;
    format!(
        "{} io-mode={io_mode} ! video/x-raw,format={format},width={width},height={height},framerate=15/1",
        vivid.source()
    )
}

#[track_caller]
fn play(description: &str) -> Player {
    let player = Player::launch(description);
    player.play();
    player.wait_counted("dmaheapkmssink", 3);
    player
}

#[track_caller]
fn shown(player: &Player, (width, height): (u32, u32)) -> Picture {
    player.snapshot().crop(vkms::centred(width, height))
}

fn backend(player: &Player) -> (String, String) {
    let stats = player
        .by_factory("dmaheapconvert")
        .property::<gst::Structure>("stats");
    let text = |name| stats.get::<String>(name).expect("a text");
    (text("backend"), text("backend-reason"))
}

#[test]
fn what_is_shown_is_what_a_peer_makes_of_it() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    for (from, direction) in [
        ("RGB", "identity"),
        ("BGR", "horiz"),
        ("RGB", "vert"),
        ("RGB", "180"),
    ] {
        let source = camera(&vivid, from, "mmap");
        // vim2m puts ones where 16 bits have no room, a peer cuts them off: both lose up to 8 of 256.
        let flipped = format!("{source} ! videoflip video-direction={direction}");
        let reference = Picture::by_videoconvert(&flipped, 1, SIZE.0, SIZE.1);
        let player = play(&format!(
            "{} ! dmaheapconvert backend=m2m video-direction={direction} zero-copy=required ! \
             video/x-raw,format=RGB16 ! dmaheapkmssink driver-name=vkms zero-copy=required",
            camera(&vivid, from, "dmabuf-import")
        ));
        let shown = shown(&player, SIZE);
        let difference = shown.difference(&reference, &[]);
        note(format!("{from}, {direction}: {difference:?}"));
        if !difference.is_within(8, 4.0) {
            shown.keep(&format!("convert-{from}-{direction}-shown"));
            reference.keep(&format!("convert-{from}-{direction}-reference"));
        }
        assert!(
            difference.is_within(8, 4.0),
            "{from}, {direction}: {difference:?}"
        );
        let (name, why) = backend(&player);
        assert!(name.contains("vim2m"), "{name}: {why}");
    }
}

#[test]
fn a_scaled_picture_has_the_size_that_was_asked_for() {
    let vivid = Vivid::find();
    vivid.show(Pattern::GrayRamp, OsdText::None);
    let source = format!(
        "{} ! videoscale method=nearest-neighbour",
        camera(&vivid, "RGB", "mmap")
    );
    let scaled = format!("{source} ! video/x-raw,width=640,height=480");
    let reference = Picture::by_videoconvert(&scaled, 1, 640, 480);
    let player = play(&format!(
        "{} ! dmaheapconvert backend=m2m ! video/x-raw,format=RGB16,width=640 ! \
         dmaheapkmssink driver-name=vkms",
        camera(&vivid, "RGB", "dmabuf-import")
    ));
    assert_eq!(
        player.caps_size(),
        (640, 480),
        "the picture keeps its shape"
    );
    let difference = shown(&player, (640, 480)).difference(&reference, &[]);
    note(format!("{difference:?}"));
    // 16 bits have no room for more, and each scaler has its own idea of where a pixel is.
    assert!(difference.is_within(16, 5.0), "{difference:?}");
}

/// Queues of one device between them know each dma-buf by one number.
#[track_caller]
fn expect_affinity(trace: &Trace, queues: usize) {
    for (index, dmabufs) in trace.by_index() {
        assert!(
            dmabufs.len() <= queues,
            "number {index} stood for {dmabufs:?} on {queues} queues"
        );
    }
}

#[test]
fn three_stages_share_their_memory_and_nothing_is_made_or_touched_while_frames_flow() {
    // vim2m takes 40 ms for a frame: a camera that is faster loses some.
    const FRAMES: u64 = 100;
    let vivid = Vivid::find();
    let pipeline = format!(
        "{} ! dmaheapconvert backend=m2m ! video/x-raw,format=RGB16 ! dmaheapkmssink driver-name=vkms",
        camera(&vivid, "RGB", "dmabuf-import")
    );
    let player = Player::launch(&pipeline);
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(FRAMES);
    let counts = player.stats("dmaheapconvert", STATS);
    let [imports, by_sink] = player.stats("dmaheapkmssink", ["imports", "copies"]);
    drop(player);
    let trace = recorder.finish().of_process(std::process::id());
    // One frame of the camera, one that the device has read, and one that it has made.
    let steady = trace.between_frames(3 * 20, 3 * (20 + STEADY));
    let calls = steady.calls();
    note(format!("{counts:?}, {calls:?}"));
    for once in [
        "DMA_HEAP_IOCTL_ALLOC",
        "DRM_IOCTL_PRIME_FD_TO_HANDLE",
        "DRM_IOCTL_MODE_ADDFB2",
        "DMA_BUF_IOCTL_SYNC",
        "VIDIOC_REQBUFS",
        "fstat",
        "dup",
    ] {
        assert_eq!(calls.get(once), None, "{once} while frames flow: {calls:?}");
    }
    assert!(steady.exported().is_empty() && steady.imported().is_empty());
    assert!(steady.mapped().is_empty());
    expect_affinity(&steady, 3);
    let (queued, imported) = (trace.queued(), trace.imported());
    let shared: BTreeSet<_> = queued.intersection(&imported).collect();
    assert!(shared.len() >= 2, "queued {queued:?}, shown {imported:?}");
    // The thread of the test looks whether enough frames have come; futexes depend on the scheduler.
    let is_at_work = |thread: &String| thread.ends_with(":src") || thread == "drm-events";
    let threads = steady.threads().into_iter().filter(is_at_work);
    let of_frames = threads.flat_map(|it| steady.of_thread(&it).calls());
    let others = of_frames.filter(|(name, _count)| !name.starts_with("futex"));
    let total: u64 = others.map(|(_name, count)| count).sum();
    assert!(
        total >= 6 * STEADY as u64,
        "where are the others: {calls:?}"
    );
    note(format!("{total} calls but futex in {STEADY} frames"));
    for thread in steady.threads() {
        note(format!("{thread}: {:?}", steady.of_thread(&thread).calls()));
    }
    assert!(
        total <= 12 * STEADY as u64,
        "{total} calls in {STEADY} frames: {calls:?}"
    );
    let [taken, from_pool, copied, converted, moved] = counts;
    assert!(
        taken >= FRAMES && taken.abs_diff(from_pool) <= 1,
        "{counts:?}"
    );
    assert!(taken.abs_diff(converted) <= 1, "{counts:?}");
    assert_eq!((copied, moved, by_sink), (0, 0, 0), "{counts:?}");
    assert!(imports <= 8, "{imports} imports");
}

#[test]
fn where_nothing_is_to_do_the_element_is_not_there() {
    let vivid = Vivid::find();
    let caps = format!(
        "video/x-raw,format=NV12,width={},height={},framerate=15/1",
        SIZE.0, SIZE.1
    );
    let player = play(&format!(
        "{} io-mode=dmabuf-import ! {caps} ! dmaheapconvert zero-copy=required ! \
         dmaheapkmssink driver-name=vkms zero-copy=required",
        vivid.source()
    ));
    player.wait_frames(20);
    let [frames, allocations] = player.stats("dmaheapconvert", ["frames", "allocations"]);
    assert_eq!((frames, allocations), (0, 0), "it touched something");
    let [shown, imported] = player.stats("dmaheapkmssink", ["frames", "imported"]);
    assert!(
        shown > 0 && shown.abs_diff(imported) <= 1,
        "{shown} shown, {imported} of the pool"
    );
    assert_eq!(backend(&player).0, "none");
}

#[test]
fn ordinary_memory_is_copied_and_counted_or_an_error() {
    let drawn = format!(
        "videotestsrc ! video/x-raw,format=RGB,width={},height={}",
        SIZE.0, SIZE.1
    );
    let source = format!("{drawn} ! identity drop-allocation=true");
    let rest = "video/x-raw,format=RGB16 ! dmaheapkmssink driver-name=vkms";
    let player = play(&format!("{source} ! dmaheapconvert backend=m2m ! {rest}"));
    let [frames, copies] = player.stats("dmaheapconvert", ["frames", "copies"]);
    assert!(
        copies > 0 && frames.abs_diff(copies) <= 1,
        "{copies} of {frames}"
    );
    drop(player);

    let strict = format!("{source} ! dmaheapconvert backend=m2m zero-copy=required ! {rest}");
    let failure = Player::launch(&strict).play_to_failure();
    let text = failure.text();
    assert!(failure.error.matches(gst::StreamError::WrongType), "{text}");
    for part in ["videotestsrc", "SystemMemory", "zero-copy=preferred"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn what_nobody_does_is_said_with_what_each_would_do() {
    let vivid = Vivid::find();
    let nv12 = camera(&vivid, "NV12", "dmabuf-import");
    let player = Player::launch(&format!(
        "{nv12} ! dmaheapconvert backend=m2m ! video/x-raw,format=RGB16 ! fakesink"
    ));
    let failure = player.play_to_failure();
    let told = format!("{} {:?}", failure.text(), player.warnings());
    for part in ["dmaheapconvert", "vim2m", "reads", "NV12", "RG24"] {
        assert!(told.contains(part), "{part} is missing in: {told}");
    }
    drop(player);

    let rgb = camera(&vivid, "RGB", "dmabuf-import");
    let turned = format!(
        "{rgb} ! dmaheapconvert backend=m2m video-direction=90r ! video/x-raw,format=RGB16 ! fakesink"
    );
    let text = Player::launch(&turned).play_to_failure().text();
    for part in ["vim2m", "no control rotate", "90", "BG24 320x240"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    let missing = "videotestsrc ! dmaheapconvert device=/dev/video99 ! fakesink";
    let text = Player::launch(missing).play_to_failure().text();
    assert!(text.contains("/dev/video99"), "{text}");
    let camera = format!(
        "videotestsrc ! dmaheapconvert device={} ! fakesink",
        vivid.node()
    );
    let text = Player::launch(&camera).play_to_failure().text();
    assert!(text.contains("makes no frames of frames"), "{text}");
}

#[test]
fn it_starts_again_and_leaves_nothing_behind() {
    let vivid = Vivid::find();
    let pipeline = format!(
        "{} ! dmaheapconvert backend=m2m ! video/x-raw,format=RGB16 ! dmaheapkmssink driver-name=vkms",
        camera(&vivid, "RGB", "dmabuf-import")
    );
    drop(play(&pipeline));
    let census = Census::take();
    let player = Player::launch(&pipeline);
    for _round in 0..5 {
        player.play();
        player.wait_frames(3);
        player.stop();
    }
    drop(player);
    census.expect_restored("five starts");
}
