//! What a compositor shows is what the camera saw: by the compositor's own screenshot, judged by a peer's conversion.

use std::time::Duration;

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{Format, NV12, Naming, WAYLAND_FORMATS, XRGB8888, YUV420, YUYV};
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::weston::{Renderer, Weston};
use dmaheap_tests::{note, wait};
use gst::prelude::*;

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 5;
/// How long a change may take to be seen.
const TURN: Duration = Duration::from_secs(30);
const YUV: [Format; 3] = [NV12, YUYV, YUV420];

/// The camera with a picture that does not change, opaque where the format has alpha.
fn camera(pattern: Pattern) -> Vivid {
    let vivid = Vivid::find();
    vivid.set_control("alpha_component", 255);
    vivid.show(pattern, OsdText::None);
    vivid
}

fn from_camera(vivid: &Vivid, io_mode: &str, caps: &str) -> String {
    format!("{} io-mode={io_mode} ! {caps}", vivid.source())
}

/// What the peer makes of the picture of the camera.
#[track_caller]
fn reference(vivid: &Vivid, format: &Format) -> Picture {
    let source = from_camera(vivid, "mmap", &format.caps(Naming::Plain, SIZE));
    Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1)
}

/// Plays `source` into a sink with these properties until it has counted some frames.
#[track_caller]
fn play(weston: &Weston, source: &str, properties: &str) -> Player {
    weston.wait_bare();
    let sink = format!("dmaheapwaylandsink name=sink display={}", weston.display());
    let player = Player::launch(&format!("{source} ! {sink} {properties}"));
    player.play();
    Account::wait(&player, "sink", "frames", FRAMES);
    player
}

/// RGB comes through as it is. Two decoders of YUV round in different ways.
#[track_caller]
fn expect_shown(weston: &Weston, reference: &Picture, format: &Format, what: &str) {
    let shown = weston.shown();
    let difference = shown.difference(reference, &[]);
    note(format!("{what}: {difference:?}"));
    let is_equal = if YUV.contains(format) {
        difference.is_within(2, 1.5)
    } else {
        difference.is_within(0, 0.0)
    };
    if !is_equal {
        shown.keep(&format!("{what}-shown"));
        reference.keep(&format!("{what}-reference"));
    }
    assert!(is_equal, "{what}: {difference:?}");
}

/// No frame was copied, and all are in our memory.
#[track_caller]
fn expect_in_pool(player: &Player, heap: &str) {
    let account = Account::of(player, "sink");
    let [copies, foreign] = account.counts(["copies", "foreign"]);
    assert_eq!((copies, foreign), (0, 0), "{account:?}");
    assert!(account.text("heap").contains(heap), "{account:?}");
}

#[track_caller]
fn expect_formats_from(heap: &str, pattern: Pattern) {
    let vivid = camera(pattern);
    let weston = Weston::start(Renderer::Gl, SIZE);
    for format in WAYLAND_FORMATS {
        let what = format!("{}-{heap}", format.drm);
        let source = from_camera(&vivid, "dmabuf-import", &format.caps(Naming::DmaDrm, SIZE));
        let reference = reference(&vivid, &format);
        let player = play(&weston, &source, &format!("heap={heap}"));
        expect_shown(&weston, &reference, &format, &what);
        expect_in_pool(&player, heap);
    }
}

#[test]
fn every_format_in_the_system_heap_shows_what_videoconvert_makes_of_it() {
    expect_formats_from("system", Pattern::Colorbar75);
}

#[test]
fn every_format_in_contiguous_memory_shows_what_videoconvert_makes_of_it() {
    expect_formats_from("default_cma_region", Pattern::ColorSquares);
}

#[test]
fn every_format_in_udmabufs_shows_what_videoconvert_makes_of_it() {
    expect_formats_from("udmabuf", Pattern::Colorbar75);
}

#[test]
fn exports_of_the_camera_and_what_a_peer_draws_are_shown_without_a_copy() {
    let vivid = camera(Pattern::Colorbar75);
    let weston = Weston::start(Renderer::Gl, SIZE);
    for naming in Naming::ALL {
        let source = from_camera(&vivid, "dmabuf", &NV12.caps(naming, SIZE));
        let reference = reference(&vivid, &NV12);
        let player = play(&weston, &source, "zero-copy=required");
        expect_shown(&weston, &reference, &NV12, &format!("export-{naming:?}"));
        let account = Account::of(&player, "sink");
        assert!(account.count("foreign") >= FRAMES, "{account:?}");
    }
    for format in [NV12, XRGB8888] {
        let caps = format.caps(Naming::Plain, SIZE);
        let source = format!("videotestsrc pattern=smpte75 ! {caps},framerate=10/1");
        let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
        let player = play(&weston, &source, "zero-copy=required");
        expect_shown(
            &weston,
            &reference,
            &format,
            &format!("drawn-{}", format.drm),
        );
        expect_in_pool(&player, "");
    }
}

#[test]
fn a_compositor_that_imports_nothing_gets_counted_copies() {
    let vivid = camera(Pattern::Colorbar75);
    let weston = Weston::start(Renderer::Pixman, SIZE);
    let caps = XRGB8888.caps(Naming::Plain, SIZE);
    let reference = reference(&vivid, &XRGB8888);
    for io_mode in ["mmap", "dmabuf-import"] {
        let player = play(&weston, &from_camera(&vivid, io_mode, &caps), "");
        expect_shown(&weston, &reference, &XRGB8888, &format!("shm-{io_mode}"));
        let account = Account::of(&player, "sink");
        note(format!("{account:?}"));
        assert!(account.count("copies") >= FRAMES, "{account:?}");
        let reasons = account.structure("copy-reasons");
        assert!(reasons.has_field("no-import"), "{account:?}");
        assert_eq!(account.text("path"), "copy", "{account:?}");
    }
    let failure = Player::launch(&format!(
        "{} ! dmaheapwaylandsink display={} zero-copy=required",
        from_camera(&vivid, "dmabuf-import", &caps),
        weston.display()
    ))
    .play_to_failure();
    let text = failure.text();
    for word in ["zero-copy=required", "linux-dmabuf"] {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}

/// What videoflip makes of the picture, in the middle of a square output.
#[track_caller]
fn flipped(source: &str, direction: &str) -> Picture {
    let is_on_its_side = ["90r", "90l", "ul-lr", "ur-ll"].contains(&direction);
    let (width, height) = if is_on_its_side {
        (SIZE.1, SIZE.0)
    } else {
        SIZE
    };
    let source = format!("{source} ! videoflip video-direction={direction}");
    let picture = Picture::by_videoconvert(&source, 1, width, height);
    let (x, y) = ((SIZE.0 - width) / 2, (SIZE.0 - height) / 2);
    Picture::filled(SIZE.0, SIZE.0, [0; 3]).with(&picture, x, y)
}

#[track_caller]
fn wait_shown(weston: &Weston, expected: &Picture, what: &str) {
    let mut difference = None;
    let matched = wait::until(TURN, || {
        let now = weston.screenshot().difference(expected, &[]);
        let is_equal = now.is_within(0, 0.0);
        difference = Some(now);
        is_equal.then_some(())
    });
    if matched.is_none() {
        weston.screenshot().keep(&format!("{what}-shown"));
        expected.keep(&format!("{what}-expected"));
        panic!("{what}: {difference:?}");
    }
}

#[test]
fn every_direction_shows_what_videoflip_makes_of_it_while_playing_and_without_a_copy() {
    // A square has room for the picture both ways, pixel by pixel.
    let weston = Weston::start(Renderer::Gl, (SIZE.0, SIZE.0));
    let caps = format!("{},framerate=10/1", XRGB8888.caps(Naming::Plain, SIZE));
    // Every corner is another one.
    let source = format!("videotestsrc pattern=colors ! {caps}");
    let player = play(&weston, &source, "zero-copy=required rotate-method=90r");
    wait_shown(&weston, &flipped(&source, "90r"), "90r");
    let sink = player.element("sink");
    for direction in ["identity", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll"] {
        sink.set_property_from_str("video-direction", direction);
        wait_shown(&weston, &flipped(&source, direction), direction);
    }
    let account = Account::of(&player, "sink");
    assert_eq!(account.counts(["copies", "shm-copies"]), [0, 0]);
    drop(player);
    let tagged = format!("{source} ! taginject tags=image-orientation=rotate-180");
    let _player = play(&weston, &tagged, "rotate-method=auto");
    wait_shown(&weston, &flipped(&source, "180"), "auto");
}

/// Weston 14 decodes all YUV by the matrix of BT.601 and cannot be told another one.
#[test]
fn yuv_that_would_come_out_in_wrong_colours_is_refused_unless_that_is_accepted() {
    let weston = Weston::start(Renderer::Gl, SIZE);
    let colors = |colorimetry: &str| {
        let caps = format!("{},framerate=10/1", NV12.caps(Naming::Plain, SIZE));
        format!("videotestsrc pattern=smpte75 ! {caps},colorimetry={colorimetry}")
    };
    let player = play(&weston, &colors("bt601"), "");
    let reference = Picture::by_videoconvert(&colors("bt601"), 1, SIZE.0, SIZE.1);
    expect_shown(&weston, &reference, &NV12, "bt601");
    drop(player);
    let sink = format!("dmaheapwaylandsink display={}", weston.display());
    let player = Player::launch(&format!("{} ! {sink}", colors("bt709")));
    let failure = player.play_to_failure();
    // The source ends with "not-negotiated"; why, the sink has warned before.
    let text = format!("{}\n{}", failure.text(), player.warnings().join("\n"));
    for word in ["color=assume", "color-representation", "videoconvert"] {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
    let player = play(&weston, &colors("bt709"), "color=assume");
    let reference = Picture::by_videoconvert(&colors("bt709"), 1, SIZE.0, SIZE.1);
    let shown = weston.shown();
    assert!(
        !shown.difference(&reference, &[]).is_within(3, 1.0),
        "this compositor is told the colours: look for what it offers"
    );
    let story = Account::of(&player, "sink").text("color");
    assert!(story.contains("assumed"), "{story}");
}
