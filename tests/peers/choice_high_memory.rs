//! Memory above 4 GiB and a camera that cannot reach it: what comes on screen is what the camera sees, or the memory was
//! refused with the reason. The kernel would give the camera a copy, and the screen would show what was there before.

use std::time::Duration;

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::census::Census;
use dmaheap_tests::hoard::Hoard;
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::{Failure, Player};
use dmaheap_tests::two_cameras::{CONTIGUOUS, Camera, SCATTERED, cameras};
use dmaheap_tests::{vkms, wait};

/// Small enough for one piece of the bounce buffer, 256 KiB, where the kernel refuses nothing.
const SMALL: (u32, u32) = (320, 240);
const LARGE: (u32, u32) = (1280, 720);
/// More than the camera and the sink need.
const BUFFERS: u64 = 9;
const PATIENCE: Duration = Duration::from_secs(20);
const ALLOC: &str = "dmaheapalloc";
const SINK: &str = "dmaheapkmssink";

/// The camera that addresses 32 bits, and the one that copies by CPU and reaches everything.
#[track_caller]
fn narrow_and_wide() -> [Camera; 2] {
    let mut cameras = cameras();
    cameras.sort_by_key(|camera| camera.heap != CONTIGUOUS);
    cameras
}

#[track_caller]
fn reference(camera: &Camera, size: (u32, u32)) -> Picture {
    let caps = NV12.caps(Naming::Plain, size);
    let source = format!("{} ! {caps}", camera.vivid.source());
    Picture::by_videoconvert(&source, 1, size.0, size.1)
}

fn pipeline(camera: &Camera, io_mode: &str, size: (u32, u32), rest: &str) -> Player {
    let caps = NV12.caps(Naming::DmaDrm, size);
    let source = camera.vivid.source();
    Player::launch(&format!("{source} io-mode={io_mode} ! {caps} ! {rest}"))
}

#[track_caller]
fn expect_on_screen(player: &Player, reference: &Picture) {
    player.wait_counted(SINK, 5);
    let (shown, seen) = vkms::visible(&player.snapshot(), reference);
    let difference = shown.difference(&seen, &[]);
    assert!(difference.is_within(3, 1.0), "{difference:?}");
}

/// Every memory that was tried is named with the reason against it, and the remedy.
#[track_caller]
fn expect_reasons(failure: &Failure, camera: &Camera) {
    let text = failure.text();
    note(&text);
    for part in [
        &*camera.vivid.node(),
        "system: refused",
        &format!("{CONTIGUOUS}: refused"),
        "udmabuf: refused",
        "swiotlb|reach",
        "cma=|low addresses",
    ] {
        let is_there = part.split('|').any(|part| text.contains(part));
        assert!(is_there, "{part} is missing in {text}");
    }
    assert_eq!(failure.error.domain().as_str(), "gst-resource-error-quark");
}

/// Plays in memory that somebody above chose. Either it is right, or there is a reason before the camera streams: what
/// goes wrong at its queue comes in the words of the stock source, or not at all.
#[track_caller]
fn right_or_refused(size: (u32, u32), rest: &str) {
    let before = Census::take();
    let [narrow, _wide] = narrow_and_wide();
    let reference = reference(&narrow, size);
    let player = pipeline(&narrow, "dmabuf-import", size, rest);
    match player.reach(gst::State::Playing) {
        Ok(()) => match player.try_wait_frames(5) {
            Ok(()) => {
                expect_on_screen(&player, &reference);
                let factory = rest.split(' ').next().expect("our first element");
                note(player.text(factory, "negotiation"));
            }
            Err(failure) => panic!("the running camera refused: {}", failure.text()),
        },
        Err(failure) => expect_reasons(&failure, &narrow),
    }
    drop(player);
    before.expect_released();
}

#[test]
fn a_small_picture_is_right_or_its_memory_was_refused() {
    right_or_refused(SMALL, &format!("{ALLOC} ! {SINK} driver-name=vkms"));
    right_or_refused(SMALL, &format!("{SINK} driver-name=vkms"));
}

#[test]
fn a_large_picture_is_right_or_its_memory_was_refused() {
    right_or_refused(LARGE, &format!("{ALLOC} ! {SINK} driver-name=vkms"));
}

#[test]
fn a_heap_by_name_is_no_way_around_the_refusal() {
    let [narrow, _wide] = narrow_and_wide();
    let rest = format!("{ALLOC} heap={CONTIGUOUS} ! {SINK} driver-name=vkms");
    let failure = pipeline(&narrow, "dmabuf-import", SMALL, &rest).play_to_failure();
    let text = failure.text();
    note(&text);
    for part in [CONTIGUOUS, &narrow.vivid.node(), "swiotlb", "stale"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn a_camera_that_reaches_everything_shows_the_right_picture() {
    let before = Census::take();
    let [_narrow, wide] = narrow_and_wide();
    for size in [SMALL, LARGE] {
        let reference = reference(&wide, size);
        let rest = format!("{ALLOC} ! {SINK} driver-name=vkms");
        let player = pipeline(&wide, "dmabuf-import", size, &rest);
        player.play();
        expect_on_screen(&player, &reference);
        assert_eq!(player.text(ALLOC, "allocator"), SCATTERED);
        assert_eq!(player.stats(ALLOC, ["copies", "foreign"]), [0, 0]);
    }
    before.expect_released();
}

/// Whether the camera reaches all memory nobody can tell, so each buffer is tried before the start and none is made later.
#[test]
fn who_cannot_try_more_buffers_waits_for_one_and_says_so() {
    let [_narrow, wide] = narrow_and_wide();
    let rest = format!("{ALLOC} min-buffers={BUFFERS} ! fakesink sync=false");
    let player = pipeline(&wide, "dmabuf-import", SMALL, &rest);
    let hoard = Hoard::of(&player, "fakesink");
    player.play();
    let warned = wait::until(PATIENCE, || {
        let warnings = player.warnings();
        warnings.into_iter().find(|it| it.contains("min-buffers"))
    });
    let warning = warned.expect("a word about the buffers that are all kept");
    note(&warning);
    let [buffers] = player.stats(ALLOC, ["pool-size"]);
    assert!(buffers >= BUFFERS, "{buffers}");
    for part in [
        &format!("all {buffers} buffers"),
        SCATTERED,
        &wide.vivid.node(),
        "perhaps by luck",
    ] {
        assert!(warning.contains(part), "{part} is missing in {warning}");
    }
    hoard.release();
    player.wait_frames(3);
    assert_eq!(
        player.stats(ALLOC, ["pool-high-water", "copies"]),
        [buffers, 0]
    );
}

#[test]
fn memory_that_the_narrow_camera_makes_itself_shows_the_right_picture() {
    let [narrow, _wide] = narrow_and_wide();
    for size in [SMALL, LARGE] {
        let reference = reference(&narrow, size);
        let rest =
            format!("{ALLOC} zero-copy=required ! {SINK} driver-name=vkms zero-copy=required");
        let player = pipeline(&narrow, "dmabuf", size, &rest);
        player.play();
        expect_on_screen(&player, &reference);
        assert_eq!(player.stat(SINK, "copies"), 0);
        assert!(player.stat(SINK, "foreign") > 0);
    }
}
