//! Every way that a camera's frame may take to a display, in every kind of format and both ways to write caps.

use dmaheap_tests::caps::{FORMATS, Format, NV12, Naming, WEBCAM_SIZES, XRGB8888};
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::Vivid;

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 6;

/// Plays `source ! caps ! rest` for all formats and namings; `check` looks at it while it plays.
#[track_caller]
fn play_all(source: &str, rest: &str, check: impl Fn(&Player, Format)) {
    for (format, naming) in FORMATS
        .into_iter()
        .flat_map(|format| Naming::ALL.map(|naming| (format, naming)))
    {
        let description = format!("{source} ! {} ! {rest}", format.caps(naming, SIZE));
        note(&description);
        let player = Player::launch(&description);
        player.play();
        check(&player, format);
    }
}

/// All frames took the way that `path` counts. The one that is on its way when we look may be counted at its start only.
#[track_caller]
fn expect_path(player: &Player, factory: &str, path: &str) {
    player.wait_counted(factory, FRAMES);
    let names = ["frames", path, "copies", "bytes-copied"];
    let counts @ [frames, on_path, copies, bytes] = player.stats(factory, names);
    let right = frames.abs_diff(on_path) <= 1 && copies == 0 && bytes == 0;
    assert!(right, "{factory}: {names:?} are {counts:?}");
}

#[test]
fn the_camera_writes_into_the_heap_and_the_peer_shows_it() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import", vivid.source());
    play_all(
        &source,
        "dmaheapalloc ! kmssink driver-name=vkms",
        |player, _format| {
            expect_path(player, "dmaheapalloc", "imported");
        },
    );
}

#[test]
fn the_camera_writes_into_the_heap_for_a_sink_that_asks_for_nothing() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import", vivid.source());
    play_all(&source, "dmaheapalloc ! fakesink", |player, format| {
        expect_path(player, "dmaheapalloc", "imported");
        let needed = format.frame_len(SIZE);
        let (buffers, bytes) = dmaheap_tests::census::dmabufs();
        assert!(
            buffers > 0 && bytes >= needed,
            "{bytes} bytes in {buffers} dma-bufs"
        );
    });
}

#[test]
fn the_camera_writes_into_the_pool_of_the_sink() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import", vivid.source());
    play_all(
        &source,
        "dmaheapkmssink driver-name=vkms",
        |player, _format| {
            expect_path(player, "dmaheapkmssink", "imported");
        },
    );
}

#[test]
fn exports_of_the_camera_are_shown_as_they_are() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf", vivid.source());
    play_all(
        &source,
        "dmaheapkmssink driver-name=vkms",
        |player, _format| {
            expect_path(player, "dmaheapkmssink", "foreign");
        },
    );
}

#[test]
fn exports_of_the_camera_pass_where_copies_are_forbidden() {
    let vivid = Vivid::find();
    let rest =
        "dmaheapalloc zero-copy=required ! dmaheapkmssink driver-name=vkms zero-copy=required";
    play_all(&vivid.source(), rest, |player, _format| {
        expect_path(player, "dmaheapalloc", "foreign");
        expect_path(player, "dmaheapkmssink", "foreign");
    });
}

#[test]
fn the_camera_writes_into_the_heap_and_our_sink_shows_it() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import", vivid.source());
    play_all(
        &source,
        "dmaheapalloc zero-copy=required ! dmaheapkmssink zero-copy=required",
        |player, _format| {
            expect_path(player, "dmaheapalloc", "imported");
            expect_path(player, "dmaheapkmssink", "imported");
        },
    );
}

#[test]
fn a_source_in_software_draws_into_the_pool_of_the_sink() {
    for format in FORMATS {
        let caps = format.caps(Naming::Plain, SIZE);
        let player = Player::launch(&format!(
            "videotestsrc is-live=true ! {caps} ! dmaheapkmssink driver-name=vkms"
        ));
        player.play();
        expect_path(&player, "dmaheapkmssink", "imported");
    }
}

#[test]
fn memory_that_is_no_dmabuf_is_copied_and_the_copies_are_counted() {
    let caps = XRGB8888.caps(Naming::Plain, SIZE);
    let source = format!("videotestsrc is-live=true ! {caps} ! identity drop-allocation=true");
    let player = Player::launch(&format!("{source} ! dmaheapkmssink driver-name=vkms"));
    player.play();
    player.wait_counted("dmaheapkmssink", FRAMES);
    let [frames, copies, bytes] =
        player.stats("dmaheapkmssink", ["frames", "copies", "bytes-copied"]);
    assert!(
        copies > 0 && copies.abs_diff(frames) <= 1,
        "{copies} copies of {frames} frames"
    );
    assert_eq!(bytes, copies * XRGB8888.frame_len(SIZE));
}

#[test]
fn every_size_of_the_webcam_reaches_the_display() {
    let vivid = Vivid::find();
    for size in WEBCAM_SIZES {
        let caps = NV12.caps(Naming::DmaDrm, size);
        note(&caps);
        let player = Player::launch(&format!(
            "{} io-mode=dmabuf-import ! {caps} ! dmaheapkmssink",
            vivid.source()
        ));
        player.play();
        player.wait_frames(2);
        assert_eq!(player.stat("dmaheapkmssink", "copies"), 0, "{caps}");
    }
}
