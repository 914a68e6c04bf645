//! A display that takes no memory of others, linked while another plays: the copies are its own, and are told.

use std::time::Instant;

use dmaheap_tests::account::Account;
use dmaheap_tests::branch::Branch;
use dmaheap_tests::caps::{Naming, XRGB8888};
use dmaheap_tests::device;
use dmaheap_tests::note;
use dmaheap_tests::passing::{Passed, Passing, What};
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use gst::prelude::*;

/// The size of the display that refuses: its plane must cover it.
const SIZE: (u32, u32) = (640, 480);
/// Slow enough for an emulated machine to lose few frames by itself.
const RATE: &str = "framerate=5/1";
const FRAMES: u64 = 6;

/// Plays `camera ! dmaheapalloc ! tee ! sink` on vkms, watched.
#[track_caller]
fn start(vivid: &Vivid, naming: Naming) -> (Player, Passing) {
    vivid.show(Pattern::Red, OsdText::None);
    let source = format!("{} name=camera io-mode=dmabuf-import", vivid.source());
    let caps = XRGB8888.caps(naming, SIZE);
    let player = Player::launch(&format!(
        "{source} ! {caps},{RATE} ! dmaheapalloc name=heap ! tee name=t \
         ! queue ! dmaheapkmssink name=willing driver-name=vkms"
    ));
    let passing = Passing::default();
    let pad = |name: &str, pad| player.element(name).static_pad(pad).expect("a pad");
    passing.watch(&pad("camera", "src"), "camera");
    passing.watch(&pad("willing", "sink"), "willing");
    player.play();
    player.wait_frames(4);
    (player, passing)
}

/// Adds a sink on the display that refuses.
#[track_caller]
fn join(player: &Player, passing: &Passing, properties: &str) {
    let cards = device::cards("virtio");
    assert_eq!(cards.len(), 1, "this machine has a virtio-gpu: {cards:?}");
    let node = cards[0].node.display();
    let branch = Branch::new(&format!(
        "queue ! dmaheapkmssink name=unwilling device={node} {properties}"
    ));
    let input = branch.element("unwilling").static_pad("sink");
    passing.watch(&input.expect("a sink has a pad"), "unwilling");
    branch.join(player, "t");
}

#[test]
fn a_refusal_in_mid_stream_costs_one_question_and_nobody_elses_frames() {
    let vivid = Vivid::find();
    for naming in Naming::ALL {
        let (player, passing) = start(&vivid, naming);
        join(&player, &passing, "");
        let unwilling = Account::wait(&player, "unwilling", "copies", FRAMES);
        player.wait_frames(2);
        let seen = passing.seen();
        note(format!("{seen:?}"));

        let asks = Passed {
            place: "unwilling",
            what: What::Reconfigure,
        };
        assert_eq!(passing.count("unwilling", What::Reconfigure), 1, "{seen:?}");
        let refusal = seen
            .iter()
            .position(|it| *it == asks)
            .expect("just counted");
        let at_camera = |what| Passed {
            place: "camera",
            what,
        };
        let (before, after) = seen.split_at(refusal);
        let question = at_camera(What::Allocation);
        // The link of the branch makes the camera ask once, too, and it may come to that later only.
        let linked = before
            .iter()
            .rposition(|it| *it == at_camera(What::Reconfigure));
        let is_owed = linked.is_some_and(|linked| !before[linked..].contains(&question));
        let because = after.iter().filter(|it| **it == question).count();
        assert!(
            because <= 1 + usize::from(is_owed),
            "{because} questions for memory: {seen:?}"
        );
        passing.expect_all_passed_on("camera", "willing");

        let [frames, copies, bytes] = unwilling.counts(["frames", "copies", "bytes-copied"]);
        assert!(frames.abs_diff(copies) <= 1, "{unwilling:?}");
        assert_eq!(bytes, copies * XRGB8888.frame_len(SIZE));
        for name in ["heap", "willing"] {
            let account = Account::of(&player, name);
            assert_eq!(account.counts(["copies", "foreign"]), [0, 0], "{account:?}");
        }
        Account::wait(&player, "willing", "frames", 3);
        let shown = player
            .snapshot_of("willing")
            .crop(vkms::centred(SIZE.0, SIZE.1));
        assert!(
            shown.is_uniform() && shown.pixel(0, 0)[0] > 230,
            "{:?}",
            shown.pixel(0, 0)
        );
    }
}

#[test]
fn the_camera_loses_no_frame_to_a_display_that_refuses() {
    let vivid = Vivid::find();
    let recorder = Recorder::start();
    let (player, passing) = start(&vivid, Naming::DmaDrm);
    let before = passing.frames("camera").last().copied();
    join(&player, &passing, "");
    Account::wait(&player, "unwilling", "copies", FRAMES);
    let trace = recorder.finish();
    passing.expect_no_want_of_buffers("camera", before.expect("it plays"), &trace);
}

#[test]
fn a_refusal_where_copies_are_forbidden_says_that_a_restart_may_help() {
    let vivid = Vivid::find();
    let (player, passing) = start(&vivid, Naming::DmaDrm);
    let started = Instant::now();
    join(&player, &passing, "zero-copy=required");
    let failure = player.failure(started).expect("no copy, no picture");
    note(failure.text());
    assert_eq!(failure.element, "unwilling");
    for word in ["zero-copy=required", "estart", "camera", "virtio"] {
        assert!(
            failure.text().contains(word),
            "{word} is missing in {}",
            failure.text()
        );
    }
}

#[test]
fn who_is_there_at_the_start_gets_memory_that_suits_both() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Red, OsdText::None);
    let source = format!("{} io-mode=dmabuf-import", vivid.source());
    let node = device::cards("virtio").remove(0).node;
    for naming in Naming::ALL {
        let caps = XRGB8888.caps(naming, SIZE);
        let player = Player::launch(&format!(
            "{source} ! {caps},{RATE} ! dmaheapalloc name=heap ! tee name=t \
             t. ! queue ! dmaheapkmssink name=willing driver-name=vkms \
             t. ! queue ! dmaheapkmssink name=unwilling device={}",
            node.display()
        ));
        player.play();
        for name in ["heap", "willing", "unwilling"] {
            let account = Account::wait(&player, name, "imported", FRAMES);
            assert_eq!(account.counts(["copies", "foreign"]), [0, 0], "{account:?}");
        }
        let account = Account::of(&player, "heap");
        note(account.text("negotiation"));
        let dumb = node.file_name().expect("a node").to_string_lossy();
        assert_eq!(account.text("allocator"), format!("dumb-{dumb}"));
    }
}
