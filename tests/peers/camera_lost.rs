//! A camera that goes away while it plays.

use std::time::{Duration, Instant};

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::machine::Machine;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::Vivid;

#[test]
fn a_camera_that_goes_away_is_an_error_and_leaves_nothing_on_screen() {
    let vivid = Vivid::find();
    let before = Machine::now();
    let source = format!(
        "{} io-mode=dmabuf-import ! {}",
        vivid.source(),
        NV12.caps(Naming::DmaDrm, (640, 360))
    );
    let player = Player::launch(&format!("{source} ! dmaheapkmssink driver-name=vkms"));
    player.play();
    player.wait_frames(10);
    vivid.set_control("disconnect", 1);
    let started = Instant::now();
    let failure = player.failure(started).expect("an error from the camera");
    note(failure.text());
    assert_eq!(failure.error.domain().as_str(), "gst-resource-error-quark");
    // The words are v4l2src's, which is a peer here: it names itself, not its device.
    assert_eq!(failure.element, "v4l2src0", "{}", failure.text());
    assert!(
        failure.elapsed <= Duration::from_secs(5),
        "{:?}",
        failure.elapsed
    );
    player.stop();
    drop(player);
    before.expect_restored();
}
