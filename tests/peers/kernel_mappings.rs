//! How often the kernel maps the frames that drivers work on by CPU: once for each buffer number, and never again.

use std::collections::BTreeSet;

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::vmalloc::mapped_frames;

/// Small, so that an emulated machine keeps up.
const SIZE: (u32, u32) = (320, 180);
/// As vim2m likes it.
const CONVERTED: (u32, u32) = (320, 240);

/// What is mapped after the first 50 frames, and all that is at some time during the next 100.
#[track_caller]
fn mapped_in_a_hundred(description: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let player = Player::launch(description);
    player.play();
    player.wait_frames(50);
    let before = mapped_frames();
    let mut all = before.clone();
    for _frame in 0..100 {
        player.wait_frames(1);
        all.append(&mut mapped_frames());
    }
    note(format!(
        "{description}: {} areas, then {} in all",
        before.len(),
        all.len()
    ));
    (before, all)
}

/// A camera that copies by CPU maps a dma-buf when a buffer number meets another one than the last time. The stock source lets
/// that happen, which shows that it is seen.
#[test]
fn the_kernel_maps_no_frame_anew_while_frames_flow() {
    let vivid = Vivid::find();
    let caps = format!("{},framerate=30/1", NV12.caps(Naming::Plain, SIZE));
    let sink = "kmssink driver-name=vkms";
    for ours in ["fakesink", &format!("dmaheap{sink}")] {
        let camera = format!("{} io=import ! {caps} ! {ours}", vivid.own_source());
        let (before, all) = mapped_in_a_hundred(&camera);
        assert!(!before.is_empty(), "the camera has mapped nothing");
        assert_eq!(before, all, "mapped anew");
    }
    let stock = format!(
        "{} io-mode=dmabuf-import ! {caps} ! dmaheapalloc ! {sink}",
        vivid.source()
    );
    let (before, all) = mapped_in_a_hundred(&stock);
    assert!(
        all.len() > before.len(),
        "what the stock source does is not seen"
    );
}

/// vim2m copies by CPU, too, on both of its queues.
#[test]
fn the_kernel_maps_each_frame_once_on_either_side_of_a_device() {
    let vivid = Vivid::find();
    let player = Player::launch(&format!("{} ! fakesink", vivid.converted(CONVERTED)));
    let attached = || Account::of(&player, "convert").count("attachments");
    player.play();
    player.wait_frames(30);
    let (known, before) = (attached(), mapped_frames());
    let mut all = before.clone();
    for _frame in 0..60 {
        player.wait_frames(1);
        let now = mapped_frames();
        assert!(
            now.is_superset(&before),
            "a frame that was mapped is not any more"
        );
        all.extend(now);
    }
    // What was mapped last is counted when its frame is done.
    player.wait_frames(2);
    let new = attached() - known;
    let mapped = all.len() - before.len();
    note(format!(
        "{} areas, then {mapped} more, {new} frames new",
        before.len()
    ));
    assert!(before.len() >= 4, "a camera and two queues of a device");
    // A frame that lay deep in its pool may come late for the first time.
    assert!(
        mapped as u64 <= new,
        "{mapped} mapped, and {new} frames were new"
    );
    assert_eq!(Account::of(&player, "convert").count("re-attachments"), 0);
}
