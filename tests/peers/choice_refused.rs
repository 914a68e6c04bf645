//! Where no memory suits everybody, the message names who disagrees, about what, and what to do.

use dmaheap_tests::census::Census;
use dmaheap_tests::failing::{self, Account, Environment};
use dmaheap_tests::note;
use dmaheap_tests::two_cameras::{CONTIGUOUS, Camera, SCATTERED, cameras, cards, sink_on};

const ALLOC: &str = "dmaheapalloc";

#[track_caller]
fn strict() -> Camera {
    let mut cameras = cameras();
    cameras.sort_by_key(|camera| camera.heap != CONTIGUOUS);
    cameras.into_iter().next().expect("there are two")
}

/// Plays to the error, which must be ours, leave nothing behind, and have these words in its text.
#[track_caller]
fn expect_error(pipeline: &str, environment: Environment, words: &[&str]) -> Account {
    let before = Census::take();
    let account =
        failing::play_to_error(pipeline, environment).unwrap_or_else(|why| panic!("{why}"));
    note(format!("{account:?}"));
    assert_eq!(account.domain, "gst-resource-error-quark", "{account:?}");
    for words in words {
        let is_there = words.split('|').any(|word| account.text.contains(word));
        assert!(is_there, "{words} is missing in {}", account.text);
    }
    before.expect_released();
    account
}

#[test]
fn a_camera_without_its_kind_of_memory_is_named_with_every_memory_that_was_tried_and_a_remedy() {
    let camera = strict();
    let node = camera.vivid.node();
    for rest in [
        format!("{ALLOC} ! fakesink"),
        format!("{ALLOC} ! {}", sink_on(&cards()[0])),
        sink_on(&cards()[0]),
    ] {
        let words = [
            &*node,
            "system: refused",
            "udmabuf: refused",
            "wants contiguous memory",
            "CONFIG_DMABUF_HEAPS_CMA",
            "cma=",
        ];
        let pipeline = format!("{} ! {rest}", camera.importing());
        expect_error(&pipeline, Environment::OnlyHeap(SCATTERED), &words);
    }
}

#[test]
fn a_heap_by_name_that_the_camera_refuses_is_an_error_that_names_both_and_another_heap() {
    let camera = strict();
    let node = camera.vivid.node();
    let rest = format!("{ALLOC} heap={SCATTERED} ! {}", sink_on(&cards()[0]));
    let words = [
        &*node,
        "system: refused",
        "contiguous",
        CONTIGUOUS,
        "heap=auto",
    ];
    let account = expect_error(
        &format!("{} ! {rest}", camera.importing()),
        Environment::AsItIs,
        &words,
    );
    assert!(
        !account.text.contains("udmabuf: refused"),
        "a name is an order, no other memory is tried: {}",
        account.text
    );
}

#[test]
fn copies_that_are_forbidden_are_not_the_way_out() {
    let camera = strict();
    let node = camera.vivid.node();
    let rest = format!(
        "{ALLOC} zero-copy=required ! {} zero-copy=required",
        sink_on(&cards()[0])
    );
    let pipeline = format!("{} ! {rest}", camera.importing());
    let words = [&*node, "system: refused", "vkms", "contiguous"];
    expect_error(&pipeline, Environment::OnlyHeap(SCATTERED), &words);
}
