//! Start, stop, pause, flush and renegotiate: frames go on, their times are right, and nothing stays behind.

use std::env;

use dmaheap_tests::caps::{NV12, Naming, RGB565};
use dmaheap_tests::census::Census;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::Vivid;
use gst::State;
use gst::prelude::*;

const SIZE: (u32, u32) = (640, 360);
const SMALLER: (u32, u32) = (320, 240);

/// The figure under `--soak`; enough to see a leak otherwise.
fn cycles() -> usize {
    if env::var_os("DMAHEAP_SOAK").is_some() {
        200
    } else {
        8
    }
}

fn launch(io: &str) -> Player {
    let filter = format!(
        "capsfilter name=size caps={}",
        NV12.caps(Naming::DmaDrm, SIZE)
    );
    Player::launch(&format!(
        "{} io={io} ! {filter} ! dmaheapkmssink driver-name=vkms",
        Vivid::find().own_source()
    ))
}

#[track_caller]
fn reach(player: &Player, state: State) {
    player
        .reach(state)
        .unwrap_or_else(|failure| panic!("{failure:#?}"));
}

#[track_caller]
fn cycle(player: &Player) {
    for state in [State::Paused, State::Playing] {
        reach(player, state);
    }
    player.wait_frames(3);
    for state in [State::Paused, State::Playing, State::Null] {
        reach(player, state);
    }
}

/// The first cycle loads plugins and opens what a process opens once; no later one may leave more behind.
#[test]
fn restarts_leave_nothing_behind() {
    for io in ["import", "export", "mmap"] {
        let player = launch(io);
        cycle(&player);
        let census = Census::take();
        for _cycle in 0..cycles() {
            cycle(&player);
        }
        census.expect_restored(io);
    }
}

/// `GstBaseSrc` stops the task of a source for good that comes back for a pause when the pause is over already.
#[test]
fn pauses_that_are_taken_back_at_once_do_not_stop_the_camera() {
    let player = launch("auto");
    player.play();
    let source = player.by_factory("dmaheapv4l2src");
    for _round in 0..5 {
        for _pause in 0..40 {
            for state in [State::Paused, State::Playing] {
                source.set_state(state).expect("it changes its state");
            }
        }
        player.wait_frames(3);
    }
}

#[test]
fn a_new_size_or_format_while_playing_has_the_camera_set_anew() {
    let player = launch("auto");
    player.play();
    player.wait_frames(5);
    for (format, size) in [(NV12, SMALLER), (RGB565, SMALLER), (NV12, SIZE)] {
        player.set_caps("size", &format.caps(Naming::DmaDrm, size));
        player.wait_caps(size);
        player.wait_frames(5);
    }
    let [frames, copies] = player.stats("dmaheapv4l2src", ["frames", "copies"]);
    note(format!("{frames} frames"));
    assert_eq!(copies, 0);
}

/// A new question for memory with the same answer does not touch the camera.
#[test]
fn a_reconfiguration_that_changes_nothing_keeps_the_camera_running() {
    let player = launch("auto");
    player.play();
    player.wait_frames(5);
    let before = player.stat("dmaheapv4l2src", "allocations");
    let source = player.by_factory("dmaheapv4l2src");
    let pad = source.static_pad("src").expect("a pad");
    for _again in 0..3 {
        assert!(pad.send_event(gst::event::Reconfigure::new()));
        player.wait_frames(5);
    }
    assert_eq!(player.stat("dmaheapv4l2src", "allocations"), before);
}

/// What the camera took before a pause is not shown after it, and time does not jump back.
#[test]
fn times_are_those_of_the_driver_and_go_on_after_a_pause() {
    let caps = NV12.caps(Naming::Plain, SMALLER);
    let player = Player::launch(&format!(
        "{} ! {caps},framerate=30/1 ! appsink name=sink sync=false max-buffers=1 drop=true",
        Vivid::find().own_source()
    ));
    let sink = player.element("sink");
    let sample = || -> (gst::ClockTime, gst::ClockTime, u64) {
        let sample =
            sink.emit_by_name::<Option<gst::Sample>>("try-pull-sample", &[&20_000_000_000_u64]);
        let sample = sample.expect("a frame");
        let buffer = sample.buffer().expect("a buffer");
        let clock = sink.clock().expect("a clock");
        let base = sink.base_time().expect("a base time");
        let now = clock.time().saturating_sub(base);
        let pts = buffer.pts().expect("a time");
        assert!(buffer.duration().is_some());
        (pts, now, buffer.offset())
    };
    player.play();
    let (mut last, _now, mut number) = sample();
    let mut ages = Vec::new();
    for _frame in 0..10 {
        let (pts, now, next) = sample();
        assert!(pts > last && pts <= now, "{last} {pts} {now}");
        ages.push(now.saturating_sub(pts));
        assert!(next > number, "{number} {next}");
        (last, number) = (pts, next);
    }
    // Taken a moment ago, but for one or two on a machine that has other things to do.
    ages.sort_unstable();
    assert!(ages[5] < gst::ClockTime::from_mseconds(500), "{ages:?}");
    reach(&player, State::Paused);
    std::thread::sleep(std::time::Duration::from_secs(1));
    player.play();
    // One that was taken in time may have waited in the sink.
    let _stale = sample();
    let (pts, _now, _number) = sample();
    let pipeline = sink.parent().and_downcast::<gst::Pipeline>();
    let resumed = pipeline.and_then(|it| it.start_time());
    assert!(Some(pts) >= resumed, "{pts}, paused at {resumed:?}");
}

#[test]
fn the_latency_is_that_of_one_frame() {
    let player = Player::launch(&format!(
        "{} ! video/x-raw,width=320,height=240,framerate=30/1 ! fakesink",
        Vivid::find().own_source()
    ));
    player.play();
    player.wait_frames(2);
    let source = player.by_factory("dmaheapv4l2src");
    let mut query = gst::query::Latency::new();
    assert!(source.query(&mut query));
    let (is_live, min, max) = query.result();
    assert!(is_live);
    assert_eq!(min.mseconds(), 33);
    assert!(max.is_some_and(|max| max > min), "{max:?}");
}
