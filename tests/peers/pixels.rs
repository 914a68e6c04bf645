//! What the display shows is what the camera saw: read back through the writeback connector, judged by a peer's conversion.

use dmaheap_tests::caps::{FORMATS, NV12, Naming, RGB565, YUV420};
use dmaheap_tests::note;
use dmaheap_tests::picture::{Picture, Rect};
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;

const SIZE: (u32, u32) = (640, 360);

#[track_caller]
fn play(vivid: &Vivid, caps: &str, io_mode: &str) -> Player {
    let source = format!("{} io-mode={io_mode}", vivid.source());
    start(&format!(
        "{source} ! {caps} ! dmaheapkmssink driver-name=vkms"
    ))
}

#[track_caller]
fn start(description: &str) -> Player {
    let player = Player::launch(description);
    player.play();
    player.wait_counted("dmaheapkmssink", 3);
    player
}

/// The shown picture, after a look at what surrounds it.
#[track_caller]
fn shown(player: &Player, (width, height): (u32, u32)) -> Picture {
    let screen = player.snapshot();
    assert_eq!((screen.width(), screen.height()), vkms::MODE);
    let place = vkms::centred(width, height);
    assert!(
        screen.is_black_outside(place),
        "something beside the picture"
    );
    screen.crop(place)
}

#[track_caller]
fn expect_equal(shown: &Picture, reference: &Picture, mask: &[Rect], what: &str) {
    let difference = shown.difference(reference, mask);
    if !difference.is_within(3, 1.0) {
        shown.keep(&format!("{what}-shown"));
        reference.keep(&format!("{what}-reference"));
    }
    note(format!(
        "{what}: max {:?}, mean {:?}",
        difference.max, difference.mean
    ));
    assert!(difference.is_within(3, 1.0), "{what}: {difference:?}");
}

/// The first pattern goes by plain caps, the second by caps for dma-bufs.
#[test]
fn every_format_shows_what_videoconvert_makes_of_it() {
    let vivid = Vivid::find();
    for (pattern, naming) in [
        (Pattern::Colorbar75, Naming::Plain),
        (Pattern::ColorSquares, Naming::DmaDrm),
    ] {
        vivid.show(pattern, OsdText::Counters);
        for format in FORMATS {
            let plain = format.caps(Naming::Plain, SIZE);
            let reference = Picture::by_videoconvert(
                &format!("{} ! {plain}", vivid.source()),
                1,
                SIZE.0,
                SIZE.1,
            );
            let player = play(&vivid, &format.caps(naming, SIZE), "dmabuf-import");
            let what = format!("{pattern:?}-{}", format.drm);
            expect_equal(&shown(&player, SIZE), &reference, &[Vivid::COUNTER], &what);
        }
    }
}

#[test]
fn exports_of_the_camera_show_the_same_picture_as_frames_in_the_heap() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let [import, export] =
        ["dmabuf-import", "dmabuf"].map(|io_mode| shown(&play(&vivid, &caps, io_mode), SIZE));
    assert!(import.difference(&export, &[]).is_within(0, 0.0));
}

#[test]
fn the_counter_of_the_camera_moves_on_the_display() {
    let vivid = Vivid::find();
    vivid.show(Pattern::GrayRamp, OsdText::Counters);
    let player = play(&vivid, &NV12.caps(Naming::DmaDrm, SIZE), "dmabuf-import");
    let first = shown(&player, SIZE);
    player.wait_more("dmaheapkmssink", 20);
    let second = shown(&player, SIZE);
    assert!(
        !first.difference(&second, &[]).is_within(3, 0.1),
        "the counter stands still"
    );
    assert!(
        first
            .difference(&second, &[Vivid::COUNTER])
            .is_within(0, 0.0),
        "more than the counter moves"
    );
}

#[test]
fn a_copied_frame_looks_like_the_original() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    for format in [YUV420, RGB565] {
        let caps = format.caps(Naming::Plain, SIZE);
        let direct = shown(&play(&vivid, &caps, "dmabuf-import"), SIZE);
        let source = format!(
            "{} io-mode=mmap ! {caps} ! identity drop-allocation=true",
            vivid.source()
        );
        let player = start(&format!("{source} ! dmaheapkmssink driver-name=vkms"));
        assert!(
            player.stat("dmaheapkmssink", "copies") > 0,
            "this path must copy"
        );
        assert!(
            direct
                .difference(&shown(&player, SIZE), &[])
                .is_within(0, 0.0),
            "{format:?}"
        );
    }
}
