//! vivid's error injection: what goes wrong is told with the name of the camera, soon, and leaves nothing behind.

use std::time::{Duration, Instant};

use dmaheap_tests::census::{self, SETTLE};
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::wait;

const CAPS: &str = "video/x-raw,format=NV12,width=640,height=360,framerate=30/1";

#[track_caller]
fn launch(vivid: &Vivid) -> Player {
    Player::launch(&format!(
        "{} ! {CAPS} ! dmaheapkmssink driver-name=vkms",
        vivid.own_source()
    ))
}

#[track_caller]
fn expect_parts(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

/// Until a counter of the source is at least so much.
#[track_caller]
fn wait_counted(player: &Player, counter: &str, count: u64) {
    let reached = wait::until(Duration::from_secs(20), || {
        (player.stat("dmaheapv4l2src", counter) >= count).then_some(())
    });
    assert!(reached.is_some(), "{counter} did not become {count}");
}

#[test]
fn damaged_frames_are_left_out_and_lost_ones_counted() {
    let vivid = Vivid::find();
    let player = launch(&vivid);
    player.play();
    player.wait_frames(5);
    vivid.set_control("inject_v4l2_buf_flag_error", 1);
    wait_counted(&player, "damaged", 1);
    let before = player.stat("dmaheapv4l2src", "lost");
    vivid.set_control("percentage_of_dropped_buffers", 50);
    wait_counted(&player, "lost", before + 5);
    vivid.set_control("percentage_of_dropped_buffers", 0);
    player.wait_frames(5);
}

#[test]
fn a_driver_that_fails_is_an_error_with_its_name_and_operation() {
    let vivid = Vivid::find();
    for (control, while_playing, parts) in [
        (
            "inject_vidioc_streamon_error",
            false,
            ["VIDIOC_STREAMON", "Invalid argument"],
        ),
        (
            "inject_vidioc_qbuf_error",
            true,
            ["VIDIOC_QBUF", "Invalid argument"],
        ),
        (
            "inject_fatal_streaming_error",
            true,
            ["VIDIOC_DQBUF", "start anew"],
        ),
    ] {
        let before = census::dmabufs();
        let player = launch(&vivid);
        if while_playing {
            player.play();
            player.wait_frames(5);
        }
        let started = Instant::now();
        vivid.set_control(control, 1);
        let failure = if while_playing {
            player.failure(started).expect("an error")
        } else {
            player.play_to_failure()
        };
        note(failure.text());
        assert_eq!(failure.error.domain().as_str(), "gst-resource-error-quark");
        expect_parts(
            &failure.text(),
            &["vivid", &vivid.node(), parts[0], parts[1]],
        );
        drop(player);
        let restored = wait::until(SETTLE, || (census::dmabufs() <= before).then_some(()));
        assert!(
            restored.is_some(),
            "{control}: {before:?} → {:?}",
            census::dmabufs()
        );
    }
}

/// Whatever the refused call was for, there is another way: other memory, or the driver's own.
#[test]
fn one_refusal_while_the_camera_is_set_up_does_not_stop_it() {
    let vivid = Vivid::find();
    let player = launch(&vivid);
    player.reach(gst::State::Ready).expect("the camera opens");
    vivid.set_control("inject_vidioc_reqbufs_error", 1);
    player.play();
    player.wait_frames(5);
    let copies = player.stat("dmaheapv4l2src", "copies");
    assert_eq!(copies, 0, "there was no need for the last resort");
}

#[test]
fn a_camera_that_goes_away_is_an_error_with_its_name() {
    let vivid = Vivid::find();
    let before = census::dmabufs();
    let player = launch(&vivid);
    player.play();
    player.wait_frames(10);
    vivid.set_control("disconnect", 1);
    let started = Instant::now();
    let failure = player.failure(started).expect("an error");
    note(failure.text());
    assert_eq!(failure.error.domain().as_str(), "gst-resource-error-quark");
    assert_eq!(failure.element, "dmaheapv4l2src0");
    expect_parts(&failure.text(), &["vivid", &vivid.node(), "unplugged"]);
    assert!(
        failure.elapsed <= Duration::from_secs(5),
        "{:?}",
        failure.elapsed
    );
    drop(player);
    let restored = wait::until(SETTLE, || (census::dmabufs() <= before).then_some(()));
    assert!(restored.is_some(), "{before:?} → {:?}", census::dmabufs());
}
