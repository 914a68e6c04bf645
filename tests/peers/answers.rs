//! Questions for memory that come again, with each RECONFIGURE and each branch of a tee: the camera hears of the first only.

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::Vivid;
use gst::prelude::*;

const SIZE: (u32, u32) = (640, 360);
const OTHER: (u32, u32) = (320, 180);

/// What a question costs the camera, and what it is told.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    /// `VIDIOC_G_FMT`, `VIDIOC_TRY_FMT` and `VIDIOC_G_CTRL` calls.
    camera: u64,
    /// Bytes of a buffer, and how many.
    pool: (u32, u32, u32),
}

/// Asks as upstream does, in mid-stream, and returns the pool with the answer.
#[track_caller]
fn ask(player: &Player, element: &str, size: (u32, u32)) -> (Answer, gst::BufferPool) {
    let pad = player.element(element).static_pad("sink");
    let caps: gst::Caps = NV12.caps(Naming::DmaDrm, size).parse().expect("caps");
    let mut query = gst::query::Allocation::new(Some(&caps), true);
    let recorder = Recorder::start();
    assert!(
        pad.expect("a pad").query(&mut query),
        "no answer for {size:?}"
    );
    let trace = recorder.finish().of_process(std::process::id());
    let first = query.allocation_pools().next();
    let (pool, bytes, min, max) = first.expect("a pool");
    let calls = ["VIDIOC_G_FMT", "VIDIOC_TRY_FMT", "VIDIOC_G_CTRL"];
    let answer = Answer {
        camera: calls.map(|call| trace.count(call)).iter().sum(),
        pool: (bytes, min, max),
    };
    (answer, pool.expect("ours"))
}

#[track_caller]
fn expect_remembered(player: &Player, element: &str) {
    let (first, pool) = ask(player, element, OTHER);
    assert!(
        first.camera > 0,
        "the camera is asked about other caps: {first:?}"
    );
    for _ in 0..3 {
        let (again, another) = ask(player, element, OTHER);
        assert_eq!(again.camera, 0, "{again:?}");
        assert_eq!(again.pool, first.pool);
        assert!(another != pool, "an active pool cannot be configured again");
    }
    let (of_old, _pool) = ask(player, element, SIZE);
    assert!(of_old.camera > 0, "the last answer is remembered, no other");
    player.wait_frames(3);
}

#[test]
fn a_question_that_was_just_answered_costs_the_camera_nothing() {
    let vivid = Vivid::find();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let source = format!("{} io-mode=dmabuf-import ! {caps}", vivid.source());
    let sink = "dmaheapkmssink name=sink driver-name=vkms";
    for (launch, element) in [
        (
            format!("{source} ! dmaheapalloc name=heap ! {sink}"),
            "heap",
        ),
        (format!("{source} ! {sink}"), "sink"),
    ] {
        let player = Player::launch(&launch);
        player.play();
        player.wait_frames(3);
        expect_remembered(&player, element);
    }
}

#[test]
fn a_camera_that_was_stopped_is_asked_again() {
    let vivid = Vivid::find();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let source = format!("{} io-mode=dmabuf-import ! {caps}", vivid.source());
    let player = Player::launch(&format!("{source} ! dmaheapalloc name=heap ! fakesink"));
    for _ in 0..2 {
        player.play();
        player.wait_frames(3);
        let (first, _pool) = ask(&player, "heap", OTHER);
        assert!(first.camera > 0, "{first:?}");
        player.stop();
    }
}
