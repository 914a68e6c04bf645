//! A camera that is the end of a chain of sub-devices: the error on the bus says what is to be set up, and by what.

use dmaheap_tests::census;
use dmaheap_tests::command::Run;
use dmaheap_tests::device;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;

/// What the sensor makes; vimc's debayer, which this node bypasses, wants the first.
const BAYER: &str = "SRGGB8_1X8";
const RGB: &str = "RGB888_1X24";

#[track_caller]
fn set_sensor(format: &str) {
    Run::new("media-ctl")
        .args(["-d", "/dev/media0", "-V"])
        .arg(format!("\"Sensor A\":0 [fmt:{format}/640x480]"))
        .finish()
        .expect_success();
}

#[test]
fn a_chain_that_is_not_set_up_is_an_error_that_names_its_entity_and_the_remedy() {
    let node = device::video_node("Raw Capture 0");
    let pipeline = format!(
        "dmaheapv4l2src device={} ! video/x-bayer,format=rggb,width=640,height=480 ! fakesink",
        node.display()
    );
    set_sensor(RGB);
    let before = census::dmabufs();
    let player = Player::launch(&pipeline);
    let failure = player.play_to_failure();
    let text = failure.text();
    note(&text);
    assert!(failure.error.matches(gst::ResourceError::Read), "{text}");
    for part in [
        "VIDIOC_STREAMON",
        &node.display().to_string(),
        "Broken pipe",
        "its entity \"Raw Capture 0\" is fed by \"Sensor A\"",
        "media-ctl",
        "libcamerasrc",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    drop(player);
    assert_eq!(census::dmabufs(), before, "{:?}", census::holders());

    // Done as it says, the same pipeline plays.
    set_sensor(BAYER);
    let player = Player::launch(&pipeline);
    player.play();
    player.wait_frames(10);
    drop(player);
    set_sensor(RGB);
}
