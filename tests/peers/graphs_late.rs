//! A display that is linked while others play: it takes the frames that are there, and nobody loses one for it.

use dmaheap_tests::account::Account;
use dmaheap_tests::branch::Branch;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::device;
use dmaheap_tests::passing::{Passing, What};
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use gst::prelude::*;

const SIZE: (u32, u32) = (640, 360);
/// Slow enough for an emulated machine to lose few frames by itself.
const RATE: &str = "framerate=5/1";
const FRAMES: u64 = 6;

fn ours(name: &str, at: usize) -> String {
    let cards = device::cards("vkms");
    assert_eq!(cards.len(), 2, "this machine has two vkms cards: {cards:?}");
    let node = cards[at].node.display();
    format!("dmaheapkmssink name={name} device={node}")
}

/// Plays `camera ! dmaheapalloc ! tee ! first`; the camera, the tee and the sink `first` are watched.
#[track_caller]
fn start(vivid: &Vivid, naming: Naming, first: &str) -> (Player, Passing) {
    let source = format!("{} name=camera io-mode=dmabuf-import", vivid.source());
    let caps = NV12.caps(naming, SIZE);
    let player = Player::launch(&format!(
        "{source} ! {caps},{RATE} ! dmaheapalloc name=heap ! tee name=t ! queue ! {first}"
    ));
    let passing = Passing::default();
    let pad = |name: &str, pad| player.element(name).static_pad(pad).expect("a pad");
    passing.watch(&pad("camera", "src"), "camera");
    passing.watch(&pad("first", "sink"), "first");
    player.play();
    player.wait_frames(4);
    (player, passing)
}

/// Adds the sink `late`, and waits until it has shown some frames.
#[track_caller]
fn join(player: &Player, passing: &Passing) {
    let branch = Branch::new(&format!("queue ! {}", ours("late", 1)));
    let input = branch.element("late").static_pad("sink");
    passing.watch(&input.expect("a sink has a pad"), "late");
    branch.join(player, "t");
    Account::wait(player, "late", "imported", FRAMES);
    player.wait_frames(2);
}

#[track_caller]
fn expect_undisturbed(passing: &Passing) {
    passing.expect_all_passed_on("camera", "first");
    assert_eq!(
        passing.count("late", What::Reconfigure),
        0,
        "who takes the memory wants no other: {:?}",
        passing.seen()
    );
    let asked = passing.count("camera", What::Allocation);
    assert!(
        (1..=2).contains(&asked),
        "{asked} questions for memory, at the start and by the new link"
    );
}

#[track_caller]
fn expect_no_copy(player: &Player, names: &[&str]) {
    for name in names {
        let account = Account::of(player, name);
        assert_eq!(account.counts(["copies", "foreign"]), [0, 0], "{account:?}");
    }
}

#[test]
fn a_display_that_comes_late_takes_the_memory_that_is_there() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    let plain = NV12.caps(Naming::Plain, SIZE);
    let source = format!("{} ! {plain}", vivid.source());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    for naming in Naming::ALL {
        let recorder = Recorder::start();
        let (player, passing) = start(&vivid, naming, &ours("first", 0));
        join(&player, &passing);
        let trace = recorder.finish().of_process(std::process::id());
        trace.expect_zero_copy(6);
        for name in ["first", "late"] {
            Account::wait(&player, name, "frames", 3);
            let difference = player
                .snapshot_of(name)
                .crop(vkms::centred(SIZE.0, SIZE.1))
                .difference(&reference, &[]);
            assert!(difference.is_within(3, 1.0), "{name}: {difference:?}");
        }
        expect_no_copy(&player, &["heap", "first", "late"]);
        expect_undisturbed(&passing);
    }
}

#[test]
fn the_camera_loses_no_frame_to_a_display_that_comes_late() {
    let vivid = Vivid::find();
    let recorder = Recorder::start();
    let (player, passing) = start(&vivid, Naming::DmaDrm, &ours("first", 0));
    let before = passing.frames("camera").last().copied();
    join(&player, &passing);
    let trace = recorder.finish();
    passing.expect_no_want_of_buffers("camera", before.expect("it plays"), &trace);
}

#[test]
fn a_display_may_come_where_nobody_imported_before() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Red, OsdText::None);
    for naming in Naming::ALL {
        let (player, passing) = start(&vivid, naming, "fakesink name=first");
        join(&player, &passing);
        expect_no_copy(&player, &["heap", "late"]);
        let shown = player
            .snapshot_of("late")
            .crop(vkms::centred(SIZE.0, SIZE.1));
        assert!(
            shown.is_uniform() && shown.pixel(0, 0)[0] > 230,
            "{:?}",
            shown.pixel(0, 0)
        );
        expect_undisturbed(&passing);
    }
}
