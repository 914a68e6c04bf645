//! Every path on which the CPU touches pixels before they are shown makes the calls that it has to, in the right direction.
//!
//! The frames are in the shadow heap, so each such path has the right picture only with its calls: each test takes one half of
//! them out in the kernel, and the picture must be a wrong one.

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::foreign::disown;
use dmaheap_tests::note;
use dmaheap_tests::passing::hold_back;
use dmaheap_tests::picture::{Picture, Rect};
use dmaheap_tests::player::Player;
use dmaheap_tests::shadow::{Half, Skip};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use gst::prelude::*;
use gst_video::prelude::*;

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 6;
const RATE: &str = "framerate=25/1";
const HEAP: &str = "dmaheapalloc name=heap heap=shadow zero-copy=required";
const SINK: &str = "dmaheapkmssink name=sink driver-name=vkms heap=system zero-copy=required";
const BALANCE: &str = "videobalance hue=0.6 brightness=0.1";
const OVERLAY: &str = "textoverlay text=shadow shaded-background=true font-desc=\"Sans 40\"";

/// The camera with a picture that does not move.
fn camera() -> Vivid {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    vivid
}

fn caps() -> String {
    format!("{},{RATE}", NV12.caps(Naming::Plain, SIZE))
}

fn importing(vivid: &Vivid) -> String {
    format!("{} io-mode=dmabuf-import ! {}", vivid.source(), caps())
}

#[track_caller]
fn play(description: &str) -> Player {
    note(description);
    let player = Player::launch(description);
    player.play();
    Account::wait(&player, "sink", "frames", FRAMES);
    player
}

/// What the display shows; it writes that into another heap unless the sink has the shadow heap.
#[track_caller]
fn shown(player: &Player) -> Picture {
    player.snapshot().crop(vkms::centred(SIZE.0, SIZE.1))
}

#[track_caller]
fn expect_equal(shown: &Picture, reference: &Picture) {
    assert!(!reference.is_uniform(), "a uniform picture proves nothing");
    let difference = shown.difference(reference, &[]);
    note(format!("{difference:?}"));
    if !difference.is_within(3, 1.0) {
        shown.keep("shadow-shown");
        reference.keep("shadow-reference");
    }
    assert!(difference.is_within(3, 1.0), "{difference:?}");
}

/// Far from the reference: not by rounding.
#[track_caller]
fn expect_wrong(shown: &Picture, reference: &Picture, half: Half) {
    let difference = shown.difference(reference, &[]);
    note(format!("{half:?} skipped: {difference:?}"));
    assert!(
        !difference.is_within(100, 255.0),
        "nobody misses {half:?}: {difference:?}"
    );
}

/// Plays `description` with all calls, and then without each of these halves; `picture` must be the reference only with them.
#[track_caller]
fn expect_needed(
    description: &str,
    reference: &Picture,
    halves: &[Half],
    picture: impl Fn(&Player) -> Picture,
) {
    expect_equal(&picture(&play(description)), reference);
    for &half in halves {
        let _skipped = Skip::half(half);
        expect_wrong(&picture(&play(description)), reference, half);
    }
}

#[test]
fn a_peer_that_draws_into_the_heap_ends_its_writing() {
    let source = format!("videotestsrc pattern=smpte75 ! {}", caps());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let graph = format!("{source} ! {HEAP} ! {SINK}");
    expect_needed(&graph, &reference, &[Half::End], shown);
}

#[test]
fn peers_that_change_a_frame_in_place_begin_and_end() {
    let vivid = camera();
    for filter in [BALANCE, OVERLAY] {
        let source = format!("{} ! {} ! {filter}", vivid.source(), caps());
        let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
        let graph = format!("{} ! {HEAP} ! {filter} ! {SINK}", importing(&vivid));
        expect_needed(&graph, &reference, &[Half::Begin, Half::End], shown);
    }
}

/// White, where an application writes with `gst_video_frame_map` in a probe of its own.
const STAMP: Rect = Rect {
    x: 200,
    y: 100,
    width: 240,
    height: 120,
};

fn stamp(pad: &gst::Pad) {
    let info = gst_video::VideoInfo::from_caps(&pad.current_caps().expect("caps"));
    let info = info.expect("raw video");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_pad, probe| {
        let buffer = probe.buffer_mut().expect("a probe on buffers");
        let mut frame =
            gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &info)
                .expect("memory for the CPU");
        let strides = [0, 1].map(|plane| frame.plane_stride()[plane]);
        for (plane, stride, byte, halved) in [(0, strides[0], 235, 1), (1, strides[1], 128, 2)] {
            let stride = usize::try_from(stride).expect("top to bottom");
            let data = frame.plane_data_mut(plane).expect("two planes");
            let rows = STAMP.y / halved..(STAMP.y + STAMP.height) / halved;
            for row in rows {
                let start = row as usize * stride + STAMP.x as usize;
                data[start..start + STAMP.width as usize].fill(byte);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

#[test]
fn an_application_that_writes_into_frames_begins_and_ends() {
    let vivid = camera();
    let source = format!("{} ! {}", vivid.source(), caps());
    let white = Picture::filled(STAMP.width, STAMP.height, [255; 3]);
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let reference = reference.with(&white, STAMP.x, STAMP.y);
    let graph = format!("{} ! {HEAP} ! {SINK}", importing(&vivid));
    let stamped = |player: &Player| {
        stamp(&player.element("heap").static_pad("src").expect("a pad"));
        let before = Account::of(player, "sink").count("frames");
        Account::wait(player, "sink", "frames", before + FRAMES);
        shown(player)
    };
    expect_needed(&graph, &reference, &[Half::Begin, Half::End], stamped);
}

#[test]
fn peers_that_read_frames_begin() {
    let vivid = camera();
    let plain = format!("{} ! {}", vivid.source(), caps());
    let reference = Picture::by_videoconvert(&plain, 1, SIZE.0, SIZE.1);
    let source = format!("{} ! {HEAP}", importing(&vivid));
    let read = || Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    expect_equal(&read(), &reference);
    let _skipped = Skip::half(Half::Begin);
    expect_wrong(&read(), &reference, Half::Begin);
}

#[test]
fn a_copy_into_the_heap_ends_its_writing() {
    let source = format!("videotestsrc pattern=smpte75 ! {}", caps());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let ordinary = format!("{source} ! identity drop-allocation=true");
    let copied = |name: &'static str| {
        move |player: &Player| {
            let account = Account::of(player, name);
            assert!(account.count("copies") > 0, "{account:?}");
            shown(player)
        }
    };
    let by_heap = format!("{ordinary} ! dmaheapalloc name=heap heap=shadow ! {SINK}");
    expect_needed(&by_heap, &reference, &[Half::End], copied("heap"));
    let by_sink = format!("{ordinary} ! dmaheapkmssink name=sink driver-name=vkms heap=shadow");
    expect_needed(&by_sink, &reference, &[Half::End], copied("sink"));
}

#[test]
fn the_copy_that_stays_on_screen_when_the_sink_drains_begins_and_ends() {
    let vivid = camera();
    let source = format!("{} ! {}", vivid.source(), caps());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let graph = format!(
        "{} ! {HEAP} ! dmaheapkmssink name=sink driver-name=vkms heap=shadow",
        importing(&vivid)
    );
    let drained = |half: Option<Half>| {
        let player = Player::launch(&graph);
        // Frames of our own pools would stay on screen as they are.
        disown(&player.element("heap").static_pad("src").expect("a pad"));
        player.play();
        Account::wait(&player, "sink", "frames", FRAMES);
        let pad = player.element("sink").static_pad("sink").expect("a pad");
        hold_back(&pad.peer().expect("the sink is linked"));
        let skipped = half.map(Skip::half);
        assert!(pad.query(&mut gst::query::Drain::new()));
        // The display's own picture is read from the heap, too.
        drop(skipped);
        assert_eq!(Account::of(&player, "sink").count("drain-copies"), 1);
        shown(&player)
    };
    expect_equal(&drained(None), &reference);
    for half in [Half::Begin, Half::End] {
        expect_wrong(&drained(Some(half)), &reference, half);
    }
}

#[test]
fn what_the_display_wrote_is_read_after_a_begin() {
    let vivid = camera();
    let source = format!("{} ! {}", vivid.source(), caps());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let sink = "dmaheapkmssink name=sink driver-name=vkms heap=shadow zero-copy=required";
    let graph = format!("{} ! {sink}", importing(&vivid));
    expect_needed(&graph, &reference, &[Half::Begin], shown);
}

/// The camera, the converter and the display are devices: what none of them reads by CPU needs no call.
#[test]
fn a_path_of_devices_is_right_without_any_call() {
    let vivid = camera();
    let source = format!("{} ! {}", vivid.source(), caps());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let graph = format!("{} ! {HEAP} ! {SINK}", importing(&vivid));
    for half in [Half::Begin, Half::End] {
        let _skipped = Skip::half(half);
        expect_equal(&shown(&play(&graph)), &reference);
    }
}
