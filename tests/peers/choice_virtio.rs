//! A display that takes no memory but its own: the camera writes into that, or each frame is copied once, and both are told.

use dmaheap_tests::caps::{Naming, XRGB8888};
use dmaheap_tests::census::Census;
use dmaheap_tests::device;
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::screen::Screen;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::wait;
use std::time::Duration;

/// The size of the display, whose one plane must be filled.
const SIZE: (u32, u32) = (640, 480);
const ALLOC: &str = "dmaheapalloc";
const SINK: &str = "dmaheapkmssink";

#[track_caller]
fn dumb() -> String {
    let cards = device::cards("virtio_gpu");
    let name = cards.first().and_then(|card| card.node.file_name());
    let name = name.expect("a virtio-gpu card").to_string_lossy();
    format!("dumb-{name}")
}

fn pipeline(vivid: &Vivid, io_mode: &str, rest: &str) -> Player {
    let caps = XRGB8888.caps(Naming::DmaDrm, SIZE);
    let source = vivid.source();
    Player::launch(&format!("{source} io-mode={io_mode} ! {caps} ! {rest}"))
}

/// The camera writes into memory of the display.
#[track_caller]
fn expect_own_memory(player: &Player, factory: &str) {
    player.wait_counted(factory, 5);
    let story = player.text(factory, "negotiation");
    note(&story);
    assert_eq!(player.text(factory, "allocator"), dumb(), "{story}");
    for part in ["system: refused", "/dev/dri/card", "os error 19", "chosen"] {
        assert!(story.contains(part), "{part} is missing in {story}");
    }
    let summary = player.text(factory, "heap-reason");
    assert!(
        summary.contains("takes no memory of other devices"),
        "{summary}"
    );
    let counts = player.stats(SINK, ["copies", "bytes-copied", "foreign"]);
    assert_eq!(counts, [0; 3], "copies, bytes, foreign frames");
}

/// Every frame is copied once, and it is told why.
#[track_caller]
fn expect_copies(player: &Player, factory: &str) {
    player.wait_counted(SINK, 5);
    let [frames, copies, bytes] = player.stats(factory, ["frames", "copies", "bytes-copied"]);
    let is_one_each = copies > 0 && frames.abs_diff(copies) <= 1;
    assert!(is_one_each, "{copies} copies of {frames} frames");
    assert_eq!(bytes, copies * XRGB8888.frame_len(SIZE));
    assert_eq!(player.text(factory, "path"), "copy");
    assert_eq!(
        player.text(factory, "allocator"),
        dumb(),
        "the copies are in"
    );
    let story = player.text(factory, "negotiation");
    note(&story);
    assert!(story.contains("system: refused"), "{story}");
}

#[test]
fn the_camera_writes_into_the_memory_that_the_display_makes() {
    let vivid = Vivid::find();
    let before = Census::take();
    let player = pipeline(&vivid, "dmabuf-import", SINK);
    player.play();
    expect_own_memory(&player, SINK);
    drop(player);
    let player = pipeline(&vivid, "dmabuf-import", &format!("{ALLOC} ! {SINK}"));
    player.play();
    expect_own_memory(&player, ALLOC);
    drop(player);
    before.expect_released();
}

#[test]
fn exports_of_the_camera_are_copied_once_each_and_counted() {
    let vivid = Vivid::find();
    let player = pipeline(&vivid, "dmabuf", SINK);
    player.play();
    expect_copies(&player, SINK);
    drop(player);
    let player = pipeline(&vivid, "dmabuf", &format!("{ALLOC} ! {SINK}"));
    player.play();
    expect_copies(&player, ALLOC);
    assert_eq!(player.stat(SINK, "copies"), 0, "once is enough");
}

#[test]
fn where_copies_are_forbidden_the_error_says_who_takes_what() {
    let vivid = Vivid::find();
    let rest = format!("{SINK} zero-copy=required");
    let failure = pipeline(&vivid, "dmabuf", &rest).play_to_failure();
    let text = failure.text();
    note(&text);
    for part in [
        "zero-copy=required",
        "v4l2src",
        "/dev/dri/card",
        "io-mode=dmabuf-import",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

/// The machine's own screen, from outside: the display cannot read its picture back.
#[test]
fn the_screen_shows_what_the_camera_sees_whichever_way_its_frames_took() {
    let vivid = Vivid::find();
    let mut screen = Screen::open();
    for (pattern, io_mode, rest) in [
        (Pattern::Colorbar75, "dmabuf-import", SINK.to_owned()),
        (
            Pattern::ColorSquares,
            "dmabuf-import",
            format!("{ALLOC} ! {SINK}"),
        ),
        (Pattern::Colorbar75, "dmabuf", SINK.to_owned()),
        (Pattern::ColorSquares, "dmabuf", format!("{ALLOC} ! {SINK}")),
    ] {
        note(format!("{pattern:?}, io-mode={io_mode} ! {rest}"));
        vivid.show(pattern, OsdText::None);
        let caps = XRGB8888.caps(Naming::Plain, SIZE);
        let source = format!("{} ! {caps}", vivid.source());
        let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
        let player = pipeline(&vivid, io_mode, &rest);
        player.play();
        player.wait_counted(SINK, 3);
        let mut shown = None;
        let is_right = wait::until(Duration::from_secs(30), || {
            let picture = shown.insert(screen.picture());
            let is_whole = (picture.width(), picture.height()) == SIZE;
            let is_right = is_whole && picture.difference(&reference, &[]).is_within(3, 1.0);
            is_right.then_some(())
        });
        if let (None, Some(shown)) = (is_right, shown) {
            shown.keep("virtio-shown");
            reference.keep("virtio-reference");
            panic!("{io_mode} ! {rest}: {shown:?} is not what the camera sees");
        }
    }
}
