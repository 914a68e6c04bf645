//! A grabber whose signal changes while it plays.

use std::time::Duration;

use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::{note, wait};

/// What vivid pretends to receive.
const NO_SIGNAL: i64 = 1;
const SELECTED_TIMINGS: i64 = 4;

/// The number of an entry of vivid's menu of timings.
#[track_caller]
fn timings_named(vivid: &Vivid, name: &str) -> i64 {
    let menu = vivid.v4l2_ctl(&["--list-ctrls-menus"]);
    let entry = menu.lines().find_map(|line| {
        let (number, text) = line.trim().split_once(": ")?;
        (text == name).then(|| number.parse().ok()).flatten()
    });
    entry.unwrap_or_else(|| panic!("no {name} in {menu}"))
}

#[test]
fn another_signal_is_followed_with_new_caps() {
    let vivid = Vivid::find();
    vivid.set_dv_timings(640, 480);
    let player = Player::launch(&format!(
        "{} ! video/x-raw,format=NV12 ! fakesink",
        vivid.own_source()
    ));
    player.play();
    player.wait_frames(5);
    assert_eq!(player.caps_size(), (640, 480));
    let number = timings_named(&vivid, "1280x720p60");
    vivid.set_control("dv_timings", number);
    vivid.set_control("dv_timings_signal_mode", SELECTED_TIMINGS);
    player.wait_caps((1280, 720));
    player.wait_frames(5);

    vivid.set_control("dv_timings_signal_mode", NO_SIGNAL);
    let warned = wait::until(Duration::from_secs(30), || {
        let warnings = player.warnings();
        warnings
            .iter()
            .any(|it| it.contains("there is no signal"))
            .then_some(warnings)
    });
    note(format!("{warned:?}"));
    assert!(warned.is_some(), "{:?}", player.warnings());
    vivid.set_control("dv_timings_signal_mode", SELECTED_TIMINGS);
    player.wait_frames(10);
    vivid.set_control("dv_timings_signal_mode", 0);
}
