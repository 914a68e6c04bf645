//! What a compositor without linux-dmabuf gets by copy was read with the calls that it takes: see `shadow_kms`.

use std::time::Duration;

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{Naming, XRGB8888};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::shadow::{Half, Skip};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::wait;
use dmaheap_tests::weston::{Renderer, Weston};

const SIZE: (u32, u32) = (640, 360);
/// More than there are buffers in the pool, so that each was copied again.
const FRAMES: u64 = 12;
/// How long a new picture may take to the output.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the peer makes of the picture of the camera.
#[track_caller]
fn reference(vivid: &Vivid, caps: &str) -> Picture {
    let source = format!("{} ! {caps}", vivid.source());
    Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1)
}

#[track_caller]
fn wait_frames(player: &Player) {
    let seen = Account::of(player, "sink").count("copies");
    Account::wait(player, "sink", "copies", seen + FRAMES);
}

/// Waits until the output shows this very picture.
#[track_caller]
fn expect_shown(weston: &Weston, wanted: &Picture, what: &str) {
    let mut last = None;
    let shown = wait::until(PATIENCE, || {
        let difference = weston.screenshot().difference(wanted, &[]);
        let is_equal = difference.is_within(0, 0.0);
        last = Some(difference);
        is_equal.then_some(())
    });
    note(format!("{what}: {last:?}"));
    assert!(shown.is_some(), "{what}: {last:?}");
}

/// The camera changes its picture while it plays. Read without a begin, the old one stays.
#[test]
fn copies_for_a_compositor_that_imports_nothing_are_read_after_a_begin() {
    let vivid = Vivid::find();
    let caps = XRGB8888.caps(Naming::Plain, SIZE);
    let [squares, bars] = [Pattern::ColorSquares, Pattern::Colorbar75].map(|pattern| {
        vivid.show(pattern, OsdText::None);
        reference(&vivid, &caps)
    });
    let weston = Weston::start(Renderer::Pixman, SIZE);
    let graph = format!(
        "{} io-mode=dmabuf-import ! {caps} ! dmaheapalloc name=heap heap=shadow zero-copy=required \
         ! dmaheapwaylandsink name=sink display={}",
        vivid.source(),
        weston.display()
    );
    let player = Player::launch(&graph);
    player.play();
    wait_frames(&player);
    let reasons = Account::of(&player, "sink").structure("copy-reasons");
    assert!(reasons.has_field("no-import"), "{reasons}");
    expect_shown(&weston, &bars, "with all calls");

    let skipped = Skip::half(Half::Begin);
    vivid.show(Pattern::ColorSquares, OsdText::None);
    wait_frames(&player);
    expect_shown(&weston, &bars, "without a begin");
    drop(skipped);
    expect_shown(&weston, &squares, "with all calls again");
}
