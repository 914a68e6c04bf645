//! One camera for two sinks, through a `tee`: no sink costs a copy, and ours have a say in what memory it is.

use std::time::Duration;

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::device::{self, Card};
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::{note, scanout, vkms, wait};

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 8;
const PATIENCE: Duration = Duration::from_secs(20);
/// Slow enough for an emulated machine with two displays.
const RATE: &str = "framerate=25/1";

fn cards() -> [Card; 2] {
    let cards = device::cards("vkms");
    <[Card; 2]>::try_from(cards).expect("this machine has two vkms cards")
}

/// A sink of ours on that card, called `name`.
fn ours(name: &str, card: &Card) -> String {
    format!("dmaheapkmssink name={name} device={}", card.node.display())
}

fn camera(naming: Naming) -> Vivid {
    let vivid = Vivid::find();
    let pattern = match naming {
        Naming::Plain => Pattern::Colorbar75,
        Naming::DmaDrm => Pattern::ColorSquares,
    };
    vivid.show(pattern, OsdText::None);
    vivid
}

/// `camera ! dmaheapalloc ! tee`, with a queue before each sink.
fn graph(vivid: &Vivid, naming: Naming, sinks: [&str; 2]) -> String {
    let source = format!("{} io-mode=dmabuf-import", vivid.source());
    let [first, second] = sinks;
    format!(
        "{source} ! {},{RATE} ! dmaheapalloc name=heap ! tee name=t \
         t. ! queue ! {first} t. ! queue ! {second}",
        NV12.caps(naming, SIZE)
    )
}

#[track_caller]
fn reference(vivid: &Vivid) -> Picture {
    let caps = NV12.caps(Naming::Plain, SIZE);
    Picture::by_videoconvert(&format!("{} ! {caps}", vivid.source()), 1, SIZE.0, SIZE.1)
}

#[track_caller]
fn expect_shown(player: &Player, sink: &str, reference: &Picture) {
    let screen = player.snapshot_of(sink);
    let place = vkms::centred(SIZE.0, SIZE.1);
    assert!(screen.is_black_outside(place), "{sink}: beside the picture");
    let difference = screen.crop(place).difference(reference, &[]);
    assert!(difference.is_within(3, 1.0), "{sink}: {difference:?}");
}

/// Whoever of ours counts frames has counted some, and copied and taken from elsewhere none.
#[track_caller]
fn expect_imported(player: &Player, names: &[&str]) {
    for name in names {
        let account = Account::wait(player, name, "imported", FRAMES);
        assert_eq!(
            account.counts(["copies", "bytes-copied", "foreign"]),
            [0; 3],
            "{name}: {account:?}"
        );
    }
}

/// The kernel's account, up to now.
#[track_caller]
fn expect_zero_copy(recorder: Recorder) {
    let trace = recorder.finish().of_process(std::process::id());
    trace.expect_zero_copy(1);
}

#[test]
fn two_displays_agree_on_the_memory_before_the_first_frame() {
    let cards = cards();
    for naming in Naming::ALL {
        let vivid = camera(naming);
        let reference = reference(&vivid);
        let sinks = [ours("left", &cards[0]), ours("right", &cards[1])];
        let player = Player::launch(&graph(&vivid, naming, [&sinks[0], &sinks[1]]));
        let recorder = Recorder::start();
        player.play();
        expect_imported(&player, &["heap", "left", "right"]);
        expect_zero_copy(recorder);
        for sink in ["left", "right"] {
            expect_shown(&player, sink, &reference);
        }
        let story = Account::of(&player, "heap").text("negotiation");
        note(&story);
        for card in &cards {
            let node = card.node.display().to_string();
            assert!(story.contains(&node), "{node} had no say: {story}");
        }
        assert!(story.contains(&vivid.node()), "no camera in {story}");
    }
}

/// A `tee` hands upstream only what all its branches say, so beside a peer ours has no say, and sees the frames when they come.
#[test]
fn our_display_and_the_peers_show_the_same_memory() {
    let cards = cards();
    for naming in Naming::ALL {
        let vivid = camera(naming);
        let reference = reference(&vivid);
        let sink = ours("ours", &cards[1]);
        let peer = "kmssink driver-name=vkms";
        let player = Player::launch(&graph(&vivid, naming, [peer, &sink]));
        let recorder = Recorder::start();
        player.play();
        expect_imported(&player, &["heap", "ours"]);
        expect_zero_copy(recorder);
        expect_shown(&player, "ours", &reference);
        // Where the peer's display puts which pixels, as the kernel has it.
        let place = vkms::centred(SIZE.0, SIZE.1);
        let place = format!("crtc-pos={}x{}+{}+{}", SIZE.0, SIZE.1, place.x, place.y);
        let state = || scanout::state_of(&cards[0]);
        let shown = wait::until(PATIENCE, || {
            let state = state();
            (state.contains(&place) && state.contains("format=NV12")).then_some(())
        });
        assert!(shown.is_some(), "{}", state());
    }
}

#[test]
fn a_sink_that_answers_nothing_costs_ours_no_copy() {
    let cards = cards();
    for naming in Naming::ALL {
        let vivid = camera(naming);
        let reference = reference(&vivid);
        let sink = ours("ours", &cards[0]);
        let player = Player::launch(&graph(&vivid, naming, ["fakesink", &sink]));
        let recorder = Recorder::start();
        player.play();
        expect_imported(&player, &["heap", "ours"]);
        expect_zero_copy(recorder);
        expect_shown(&player, "ours", &reference);
        note(Account::of(&player, "heap").text("negotiation"));
    }
}
