//! Contiguous memory that is used up: who takes anything goes on in other memory, who does not is told who has it.

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::census::Census;
use dmaheap_tests::hoard::{Hidden, Hoard};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::{Failure, Player};
use dmaheap_tests::two_cameras::{CONTIGUOUS, Camera, SCATTERED, cameras};
use dmaheap_tests::vkms;

const ALLOC: &str = "dmaheapalloc";
/// 12 frames of it are more than the 16 MiB that there are.
const SIZE: (u32, u32) = (1280, 720);
const ALL: usize = 12;
/// Bytes.
const PAGES_OF_A_FRAME: &str = "1384448";
const RESOURCE: &str = "gst-resource-error-quark";

/// The camera that takes anything, and the one that wants contiguous memory.
#[track_caller]
fn tolerant_and_strict() -> [Camera; 2] {
    let mut cameras = cameras();
    cameras.sort_by_key(|camera| camera.heap == CONTIGUOUS);
    cameras
}

fn pipeline(camera: &Camera, rest: &str) -> Player {
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let source = camera.vivid.source();
    Player::launch(&format!("{source} io-mode=dmabuf-import ! {caps} ! {rest}"))
}

/// A pipeline that holds so much contiguous memory that no further frame is left.
#[track_caller]
fn hold_all(camera: &Camera) -> (Player, Hoard) {
    let player = pipeline(camera, &format!("{ALLOC} heap={CONTIGUOUS} ! fakesink"));
    let hoard = Hoard::of(&player, "fakesink");
    player.play();
    let failure = hoard.wait(&player, ALL).expect_err("memory for 11 frames");
    note(failure.text());
    (player, hoard)
}

#[track_caller]
fn expect_shortage(failure: &Failure, more: &[&str]) {
    let text = failure.text();
    note(&text);
    assert_eq!(failure.error.domain().as_str(), RESOURCE);
    let needed = [
        CONTIGUOUS,
        PAGES_OF_A_FRAME,
        "Cannot allocate memory|ENOMEM",
    ];
    for words in needed.iter().chain(more) {
        let is_there = words.split('|').any(|word| text.contains(word));
        assert!(is_there, "{words} is missing in {text}");
    }
}

#[test]
fn a_camera_that_takes_anything_starts_in_other_memory_once_the_first_choice_is_used_up() {
    let _machine_without_it = Hidden::heap(SCATTERED);
    let before = Census::take();
    let [tolerant, strict] = tolerant_and_strict();
    let caps = NV12.caps(Naming::Plain, SIZE);
    let source = format!("{} ! {caps}", tolerant.vivid.source());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let holder = hold_all(&strict);

    let player = pipeline(
        &tolerant,
        &format!("{ALLOC} ! dmaheapkmssink driver-name=vkms"),
    );
    player.play();
    player.wait_counted(ALLOC, 5);
    let story = player.text(ALLOC, "negotiation");
    note(&story);
    assert_eq!(player.text(ALLOC, "allocator"), "udmabuf", "{story}");
    for part in [
        &format!("{CONTIGUOUS}: failed"),
        PAGES_OF_A_FRAME,
        "KiB of contiguous memory are free",
    ] {
        assert!(story.contains(part), "{part} is missing in {story}");
    }
    assert_eq!(player.stats(ALLOC, ["copies", "foreign"]), [0, 0]);
    // The snapshot needs memory, too.
    drop(holder);
    player.wait_counted("dmaheapkmssink", 3);
    let (shown, seen) = vkms::visible(&player.snapshot(), &reference);
    let difference = shown.difference(&seen, &[]);
    assert!(difference.is_within(3, 1.0), "{difference:?}");
    drop(player);
    before.expect_released();
}

#[test]
fn a_camera_that_nobody_asked_about_other_memory_ends_with_the_reason() {
    let _machine_without_it = Hidden::heap(SCATTERED);
    let before = Census::take();
    let [tolerant, _strict] = tolerant_and_strict();
    let player = pipeline(&tolerant, &format!("{ALLOC} ! fakesink"));
    let hoard = Hoard::of(&player, "fakesink");
    player.play();
    let failure = hoard.wait(&player, ALL).expect_err("memory for 11 frames");
    let words = [
        "this process holds",
        "udmabuf: not accepted by all",
        "could not be asked",
    ];
    expect_shortage(&failure, &words);
    drop((player, hoard));
    before.expect_released();
}

#[test]
fn a_camera_that_needs_what_is_used_up_is_told_how_much_there_is_and_who_has_it() {
    let before = Census::take();
    let [tolerant, strict] = tolerant_and_strict();
    let (holder, hoard) = hold_all(&tolerant);
    let rest = format!("{ALLOC} ! fakesink");
    let failure = pipeline(&strict, &rest).play_to_failure();
    let holders = [
        "this process holds",
        "buffers of default_cma_region",
        "KiB of contiguous memory are free",
        "system: refused",
        "/dev/video",
    ];
    expect_shortage(&failure, &holders);
    // Shortage passes: it is no reason against the heap later.
    drop((holder, hoard));
    let player = pipeline(&strict, &rest);
    player.play();
    player.wait_frames(5);
    assert_eq!(player.text(ALLOC, "allocator"), CONTIGUOUS);
    drop(player);
    before.expect_released();
}

#[test]
fn a_stream_that_nothing_else_suits_ends_with_the_reason_when_its_memory_runs_out() {
    let before = Census::take();
    let [_tolerant, strict] = tolerant_and_strict();
    let player = pipeline(&strict, &format!("{ALLOC} ! fakesink"));
    let hoard = Hoard::of(&player, "fakesink");
    player.play();
    let failure = hoard.wait(&player, ALL).expect_err("memory for 11 frames");
    expect_shortage(
        &failure,
        &[
            "this process holds",
            "buffers of default_cma_region",
            "system",
        ],
    );
    drop((player, hoard));
    before.expect_released();
}
