//! `dmaheapkmssink` on vkms: where a picture goes, when the screen is given back, and what it says when it cannot.

use dmaheap_tests::census::SETTLE;
use dmaheap_tests::passing::hold_back;
use dmaheap_tests::picture::{Picture, Rect};
use dmaheap_tests::player::{Failure, Player};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::{vkms, wait};
use gst::prelude::*;

const SINK: &str = "dmaheapkmssink driver-name=vkms";
const SCREEN: Rect = Rect {
    x: 0,
    y: 0,
    width: vkms::MODE.0,
    height: vkms::MODE.1,
};

#[track_caller]
fn expect_equal(shown: &Picture, reference: &Picture) {
    assert!(!reference.is_uniform(), "a uniform picture proves nothing");
    let difference = shown.difference(reference, &[]);
    assert!(difference.is_within(3, 1.0), "{difference:?}");
}

#[track_caller]
fn expect_words(failure: &Failure, words: &[&str]) {
    let text = failure.text();
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in: {text}");
    }
}

#[test]
fn a_larger_picture_shows_its_middle() {
    let source = "videotestsrc pattern=smpte75 ! video/x-raw,format=BGRx,width=1280,height=960,framerate=5/1";
    let player = Player::launch(&format!("{source} ! {SINK}"));
    player.play();
    player.wait_frames(2);
    let middle = Rect {
        x: (1280 - SCREEN.width) / 2,
        y: (960 - SCREEN.height) / 2,
        ..SCREEN
    };
    expect_equal(
        &player.snapshot(),
        &Picture::by_videoconvert(source, 2, 1280, 960).crop(middle),
    );
}

#[test]
fn a_cropped_picture_shows_its_part_without_a_copy() {
    let source =
        "videotestsrc pattern=smpte75 ! video/x-raw,format=NV12,width=640,height=360,framerate=5/1";
    let part = Rect {
        x: 100,
        y: 40,
        width: 400,
        height: 240,
    };
    let crop = "videocrop left=100 top=40 right=140 bottom=80";
    let player = Player::launch(&format!("{source} ! {crop} ! {SINK} zero-copy=required"));
    player.play();
    player.wait_frames(2);
    let (screen, place) = (player.snapshot(), vkms::centred(part.width, part.height));
    assert!(screen.is_black_outside(place));
    expect_equal(
        &screen.crop(place),
        &Picture::by_videoconvert(source, 2, 640, 360).crop(part),
    );
    assert_eq!(player.stat("dmaheapkmssink", "copies"), 0);
}

#[test]
fn a_paused_pipeline_shows_its_first_frame_and_ready_gives_the_screen_back() {
    let card = vkms::card();
    let before = card.framebuffers();
    let source =
        "videotestsrc pattern=smpte75 ! video/x-raw,format=BGRx,width=640,height=360,framerate=5/1";
    let player = Player::launch(&format!("{source} ! {SINK}"));
    player.reach(gst::State::Paused).expect("PAUSED");
    let screen = player.snapshot();
    expect_equal(
        &screen.crop(vkms::centred(640, 360)),
        &Picture::by_videoconvert(source, 2, 640, 360),
    );
    assert_eq!(player.stat("dmaheapkmssink", "frames"), 1);
    player.reach(gst::State::Ready).expect("READY");
    let freed = wait::until(SETTLE, || (card.framebuffers() == before).then_some(()));
    assert!(freed.is_some(), "{before:?} → {:?}", card.framebuffers());
}

#[test]
fn draining_can_blank_the_plane_instead_of_copying() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let caps = "video/x-raw,format=NV12,width=640,height=360,framerate=60/1";
    let source = format!("{} io-mode=dmabuf ! {caps}", vivid.source());
    for (drain, copies) in [("copy", 1), ("blank", 0)] {
        let player = Player::launch(&format!("{source} ! {SINK} drain={drain}"));
        player.play();
        player.wait_counted("dmaheapkmssink", 5);
        let pad = player
            .by_factory("dmaheapkmssink")
            .static_pad("sink")
            .expect("a sink has a pad");
        hold_back(&pad.peer().expect("the sink is linked"));
        assert!(pad.query(&mut gst::query::Drain::new()), "{drain}");
        assert_eq!(
            player.stat("dmaheapkmssink", "drain-copies"),
            copies,
            "{drain}"
        );
        assert_eq!(player.snapshot().is_uniform(), drain == "blank", "{drain}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let fails = |properties: &str| {
        Player::launch(&format!("videotestsrc ! dmaheapkmssink {properties}")).play_to_failure()
    };
    expect_words(&fails("device=/dev/null"), &["/dev/null", "DRM"]);
    expect_words(
        &fails("driver-name=vkms connector-id=4242"),
        &["4242", "vkms", "Virtual-1"],
    );
    expect_words(
        &fails("driver-name=vkms plane-id=4242"),
        &["4242", "vkms", "Primary"],
    );
    expect_words(
        &fails("driver-name=vkms heap=nosuchheap"),
        &["nosuchheap", "system"],
    );
    expect_words(&fails("fd=100000"), &["fd", "100000"]);
}

#[test]
fn ordinary_memory_is_an_error_where_copies_are_forbidden() {
    let source = "videotestsrc name=painter ! video/x-raw,format=BGRx,width=640,height=360";
    // Without an answer to its ALLOCATION query, videotestsrc takes ordinary memory.
    let player = Player::launch(&format!(
        "{source} ! identity drop-allocation=true ! {SINK} zero-copy=required"
    ));
    expect_words(
        &player.play_to_failure(),
        &["zero-copy=required", "painter", "SystemMemory", "921600"],
    );
}
