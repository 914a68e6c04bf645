//! The source on a camera with a DMA engine, which attaches to what it writes: seen from outside.

use std::collections::BTreeSet;

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::{census, note};

/// The camera in the kernel's list of those that are attached.
const CAMERA: &str = "vivid.0";

/// Frames until nothing is set up any more, and from then on.
const SETTLED: usize = 30;
const STEADY: usize = 150;

#[test]
fn a_camera_with_a_dma_engine_stays_attached_to_the_frames_it_began_with() {
    let caps = NV12.caps(Naming::DmaDrm, (640, 360));
    let player = Player::launch(&format!(
        "{} zero-copy=required ! {caps},framerate=30/1 ! dmaheapkmssink driver-name=vkms zero-copy=required",
        Vivid::find().own_source()
    ));
    assert_eq!(census::attached_to(CAMERA), BTreeSet::new());
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(SETTLED as u64);
    let before = census::attached_to(CAMERA);
    player.wait_frames(STEADY as u64);
    let after = census::attached_to(CAMERA);
    let [copies, frames] = player.stats("dmaheapv4l2src", ["copies", "frames"]);
    drop(player);
    let trace = recorder.finish().of_process(std::process::id());
    note(format!("{frames} frames, attached to {after:?}"));
    assert!(before.len() >= 4, "{before:?}");
    assert_eq!(before, after, "other dma-bufs than before");
    assert_eq!(copies, 0, "{frames} frames");
    let flowing = trace.between_frames(SETTLED, SETTLED + STEADY);
    let queued = flowing.queued();
    assert!(queued.is_subset(&after), "{queued:?} in {after:?}");
    assert_eq!(flowing.attachments(), 0, "attached anew");
    assert_eq!(
        flowing.exported(),
        BTreeSet::new(),
        "made while frames flow"
    );
    assert_eq!(
        trace.queued_from(),
        ["default_cma_region".to_owned()].into()
    );
    trace.expect_zero_copy(SETTLED);
    assert_eq!(
        census::attached_to(CAMERA),
        BTreeSet::new(),
        "after the end"
    );
}
