//! Contiguous memory that runs out, at the start and in mid-stream.

use dmaheap_tests::caps::{NV12, Naming, XRGB8888};
use dmaheap_tests::census::{self, SETTLE};
use dmaheap_tests::failing::{self, Environment};
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::{note, wait};

const RESOURCE: &str = "gst-resource-error-quark";

/// All dma-bufs of the machine are those of `before` again.
#[track_caller]
fn expect_freed(before: (usize, u64)) {
    let freed = wait::until(SETTLE, || (census::dmabufs() <= before).then_some(()));
    assert!(freed.is_some(), "{before:?} → {:?}", census::dmabufs());
}

#[test]
fn a_heap_too_small_for_the_stream_is_named_with_the_size_that_was_wanted() {
    let vivid = Vivid::find();
    let before = census::dmabufs();
    let caps = XRGB8888.caps(Naming::Plain, (1920, 1080));
    let source = format!("{} io-mode=dmabuf-import ! {caps}", vivid.source());
    let pipeline = format!("{source} ! dmaheapalloc heap=default_cma_region ! fakesink");
    let account = failing::play_to_error(&pipeline, Environment::AsItIs)
        .unwrap_or_else(|why| panic!("{why}"));
    note(format!("{account:?}"));
    assert_eq!(account.domain, RESOURCE);
    for name in [
        "default_cma_region",
        "8294400|8298496",
        "Cannot allocate memory|ENOMEM",
    ] {
        assert!(
            name.split('|').any(|name| account.text.contains(name)),
            "{name} is missing in {}",
            account.text
        );
    }
    assert!(account.milliseconds <= 5000, "{} ms", account.milliseconds);
    expect_freed(before);
}

#[test]
fn a_heap_that_runs_out_in_mid_stream_ends_the_stream_with_the_reason() {
    let vivid = Vivid::find();
    let before = census::dmabufs();
    let caps = NV12.caps(Naming::Plain, (1280, 720));
    let source = format!("{} io-mode=dmabuf-import ! {caps}", vivid.source());
    // A queue without limits before a sink that never takes a second frame: every frame stays in use.
    let hoard = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0 ! fakesink sync=true ts-offset=3600000000000";
    let player = Player::launch(&format!(
        "{source} ! dmaheapalloc heap=default_cma_region ! {hoard}"
    ));
    let failure = player.play_to_failure();
    note(failure.text());
    assert_eq!(failure.error.domain().as_str(), RESOURCE);
    for name in ["default_cma_region", "Cannot allocate memory|ENOMEM"] {
        assert!(
            name.split('|').any(|name| failure.text().contains(name)),
            "{name} is missing in {}",
            failure.text()
        );
    }
    player.stop();
    drop(player);
    expect_freed(before);
}
