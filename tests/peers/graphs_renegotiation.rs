//! Another size or format while a graph plays: everybody is asked anew, and the memory of before is given back.

use std::time::Duration;

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{Format, NV12, Naming, RGB565, XRGB8888};
use dmaheap_tests::census::{self, Census};
use dmaheap_tests::device;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::{note, vkms, wait};
use gst::prelude::*;

const RATE: &str = "framerate=25/1";
const START: (Format, (u32, u32)) = (NV12, (640, 360));
/// Another size, another format, both, and back.
const CHANGES: [(Format, (u32, u32)); 4] = [
    (NV12, (320, 180)),
    (XRGB8888, (320, 180)),
    (RGB565, (640, 480)),
    START,
];
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the threads of a sink and of the kernel may hold what is not shown any more.
const SETTLE: Duration = Duration::from_secs(10);

fn caps((format, size): (Format, (u32, u32)), naming: Naming) -> String {
    format!("{},{RATE}", format.caps(naming, size))
}

fn head(vivid: &Vivid, naming: Naming) -> String {
    let source = format!("{} io-mode=dmabuf-import", vivid.source());
    format!(
        "{source} ! capsfilter name=wanted caps={} ! dmaheapalloc name=heap zero-copy=required",
        caps(START, naming)
    )
}

#[track_caller]
fn expect_red(player: &Player, sink: &str, size: (u32, u32)) {
    let screen = player.snapshot_of(sink);
    let place = vkms::centred(size.0, size.1);
    assert!(
        screen.is_black_outside(place),
        "{sink}: {size:?} leaves something of before"
    );
    let shown = screen.crop(place);
    let [red, green, blue] = shown.pixel(0, 0);
    assert!(
        shown.is_uniform() && red > 230 && green < 20 && blue < 20,
        "{sink}: {:?} at {size:?}",
        shown.pixel(0, 0)
    );
}

/// How many dma-bufs are as long as such a frame, by the kernel's list.
fn living((format, size): (Format, (u32, u32))) -> usize {
    let len = format.frame_len(size).next_multiple_of(4096);
    let sizes = census::dmabuf_sizes();
    sizes.iter().filter(|&&it| it == len).count()
}

/// Frames of `now` live, and none of `before`.
#[track_caller]
fn expect_replaced(before: (Format, (u32, u32)), now: (Format, (u32, u32))) {
    assert!(living(now) >= 2, "{:?}", census::dmabuf_sizes());
    let freed = wait::until(SETTLE, || (living(before) == 0).then_some(()));
    assert!(
        freed.is_some(),
        "{} frames of {before:?} are left: {:?}",
        living(before),
        census::dmabuf_sizes()
    );
}

/// What the allocator tells of the negotiation about `subject`, once there has been one.
#[track_caller]
fn wait_story(player: &Player, subject: &str) -> String {
    let story = || Account::of(player, "heap").text("negotiation");
    let told = wait::until(PATIENCE, || {
        Some(story()).filter(|it| it.starts_with(subject))
    });
    told.unwrap_or_else(|| panic!("{subject}: {}", story()))
}

/// Waits until frames of these caps come to the sink.
#[track_caller]
fn wait_told(player: &Player, sink: &str, caps: &str) {
    let caps: gst::Caps = caps.parse().expect("caps");
    let pad = player.element(sink).static_pad("sink").expect("a pad");
    let is_told = || pad.current_caps().filter(|told| told.is_subset(&caps));
    let told = wait::until(PATIENCE, is_told);
    assert!(told.is_some(), "{sink}: {:?}", pad.current_caps());
}

/// Goes through all changes with these sinks.
#[track_caller]
fn renegotiate(player: &Player, naming: Naming, sinks: &[&str]) {
    let mut before = START;
    for change in CHANGES {
        let (format, size) = change;
        note(caps(change, naming));
        player.set_caps("wanted", &caps(change, naming));
        let subject = format!("{} {}x{} from", format.drm, size.0, size.1);
        let story = wait_story(player, &subject);
        for sink in sinks {
            wait_told(player, sink, &caps(change, naming));
            let frames = Account::of(player, sink).count("frames");
            Account::wait(player, sink, "frames", frames + 4);
            expect_red(player, sink, size);
            assert_eq!(Account::of(player, sink).count("copies"), 0, "{sink}");
        }
        let displays = story.lines().next().unwrap_or_default().matches("display");
        assert_eq!(displays.count(), sinks.len(), "{story}");
        expect_replaced(before, change);
        before = change;
    }
}

#[test]
fn every_change_is_negotiated_anew_and_frees_the_memory_of_before() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Red, OsdText::None);
    let card = device::cards("vkms").remove(0).node;
    for naming in Naming::ALL {
        let sink = format!("dmaheapkmssink name=sink device={}", card.display());
        let player = Player::launch(&format!("{} ! queue ! {sink}", head(&vivid, naming)));
        player.play();
        player.wait_frames(3);
        renegotiate(&player, naming, &["sink"]);
        player.stop();
        let freed = wait::until(SETTLE, || (census::dmabufs() == (0, 0)).then_some(()));
        assert!(freed.is_some(), "left: {:?}", Census::take());
        // The process has opened by now what it opens once.
        let stopped = Census::take();
        player.play();
        player.wait_frames(3);
        player.set_caps("wanted", &caps(CHANGES[0], naming));
        player.wait_caps(CHANGES[0].1);
        player.wait_frames(3);
        player.stop();
        stopped.expect_restored("a change of size");
    }
}

#[test]
fn both_branches_of_a_tee_take_part_in_every_change() {
    let cards = device::cards("vkms");
    let vivid = Vivid::find();
    vivid.show(Pattern::Red, OsdText::None);
    let branch = |name: &str, at: usize| {
        let node = cards[at].node.display();
        format!("t. ! queue ! dmaheapkmssink name={name} device={node}")
    };
    let naming = Naming::DmaDrm;
    let player = Player::launch(&format!(
        "{} ! tee name=t {} {}",
        head(&vivid, naming),
        branch("left", 0),
        branch("right", 1)
    ));
    player.play();
    player.wait_frames(3);
    renegotiate(&player, naming, &["left", "right"]);
}
