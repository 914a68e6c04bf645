//! Cameras that others use, and what a negotiation leaves behind.

use std::collections::BTreeSet;

use dmaheap_tests::census::{self, Census};
use dmaheap_tests::command::{Run, Running};
use dmaheap_tests::player::Player;
use dmaheap_tests::two_cameras::{Camera, cameras, cards, sink_on};
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::{note, wait};
use serde_json::Value;
use std::time::Duration;

const ALLOC: &str = "dmaheapalloc";
const PATIENCE: Duration = Duration::from_secs(30);

/// What `dmaheap-demo probe` says of a device's memory: verdicts and reasons.
#[track_caller]
fn verdicts(findings: &Value, node: &str) -> Vec<(String, String)> {
    let devices = findings["devices"].as_array().expect("a list of devices");
    let device = devices.iter().find(|device| device["path"] == node);
    let name = &device.unwrap_or_else(|| panic!("no {node} in {findings}"))["name"];
    let cells = findings["matrix"].as_array().expect("a matrix");
    let text = |cell: &Value, field: &str| cell[field].as_str().unwrap_or_default().to_owned();
    cells
        .iter()
        .filter(|cell| cell["device"] == *name)
        .map(|cell| (text(cell, "verdict"), text(cell, "reason")))
        .collect()
}

#[track_caller]
fn probe() -> Value {
    let outcome = Run::new("dmaheap-demo").args(["probe", "--json"]).finish();
    let outcome = outcome.expect_success();
    serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", outcome.describe()))
}

/// The inputs of vivid: one with frame intervals to choose from, and one that crops and composes.
const WEBCAM: &str = "0";
const HDMI: &str = "3";

/// A camera on this input with settings that no negotiation would choose by itself; dropped, it has its defaults again.
struct Unusual<'a>(&'a Vivid);

impl Unusual<'_> {
    #[track_caller]
    fn set<'a>(camera: &'a Vivid, input: &str) -> Unusual<'a> {
        camera.v4l2_ctl(&["--set-input", input]);
        let format = "width=320,height=180,pixelformat=YUYV";
        camera.v4l2_ctl(&["--set-fmt-video", format]);
        if input == HDMI {
            let part = "left=32,top=16,width=480,height=270";
            camera.v4l2_ctl(&["--set-selection", &format!("target=crop,{part}")]);
        } else {
            camera.v4l2_ctl(&["--set-parm", "15"]);
        }
        Unusual(camera)
    }
}

impl Drop for Unusual<'_> {
    fn drop(&mut self) {
        for args in [["--set-input", WEBCAM], ["--set-parm", "30"]] {
            let _outcome = Run::new("v4l2-ctl")
                .args(["-d", &self.0.node()])
                .args(args)
                .finish();
        }
    }
}

/// Format, frame interval, crop and compose rectangles, as the driver has them; an input that lacks one says so.
fn state(camera: &Vivid) -> String {
    let parts = [
        &["--get-fmt-video"][..],
        &["--get-parm"],
        &["--get-selection", "target=crop"],
        &["--get-selection", "target=compose"],
    ];
    let part = |args: &[&str]| {
        let node = camera.node();
        let run = Run::new("v4l2-ctl").args(["-d", &node]).args(args);
        run.finish().stdout
    };
    parts.map(part).concat()
}

/// `gst-launch-1.0` with the camera on that display, once it plays; it tells what it chose.
#[track_caller]
fn application(camera: &Camera, sink: &str) -> Running {
    let pipeline = format!("-m {} ! {ALLOC} ! {sink}", camera.importing());
    let running = Run::pipeline(&pipeline).start();
    let chosen = || running.output().contains("dmaheap-path").then_some(());
    let plays = wait::until(PATIENCE, chosen);
    assert!(plays.is_some(), "nothing comes: {}", running.output());
    running
}

#[track_caller]
fn expect_choice(output: &str, heap: &str) {
    let line = output
        .lines()
        .find(|line| line.contains("dmaheap-negotiation"));
    let line = line.unwrap_or_else(|| panic!("no announcement in {output}"));
    assert!(
        line.contains(&format!("allocator=(string){heap}")),
        "{line}"
    );
}

#[test]
fn two_applications_at_once_have_each_the_memory_of_their_camera() {
    let before = Census::take();
    let (cameras, cards) = (cameras(), cards());
    // Without the clock no frame is late, of which the base class warns.
    let sink = |at: usize| format!("{} sync=false", sink_on(&cards[at]));
    let applications = [0, 1].map(|at| application(&cameras[at], &sink(at)));
    let queued: BTreeSet<_> = census::exporters().into_keys().collect();
    for heap in cameras.each_ref().map(|camera| camera.heap) {
        assert!(queued.contains(heap), "{heap} is missing in {queued:?}");
    }
    for (camera, application) in cameras.iter().zip(applications) {
        application.interrupt();
        let outcome = application.finish();
        assert!(!outcome.timed_out, "{}", outcome.describe());
        expect_choice(&outcome.stdout, camera.heap);
        for word in ["WARNING", "ERROR"] {
            let said = outcome.stdout.contains(word) || outcome.stderr.contains(word);
            assert!(!said, "{}", outcome.describe());
        }
    }
    before.expect_released();
}

#[test]
fn a_probe_leaves_a_streaming_camera_alone_and_calls_it_unknown() {
    let ([busy, idle], cards) = (cameras(), cards());
    let player = Player::launch(&format!(
        "{} ! {ALLOC} ! {}",
        busy.importing(),
        sink_on(&cards[0])
    ));
    player.play();
    player.wait_frames(5);
    let before = state(&busy.vivid);
    let findings = probe();
    player.wait_frames(5);
    busy.expect_chosen(&player, ALLOC);
    assert_eq!(state(&busy.vivid), before);

    let of_busy = verdicts(&findings, &busy.vivid.node());
    note(format!("{of_busy:?}"));
    assert!(!of_busy.is_empty());
    for (verdict, reason) in &of_busy {
        let is_told = reason.contains("busy") || reason.contains("streams");
        assert!(verdict == "unknown" && is_told, "{of_busy:?}");
    }
    let of_idle = verdicts(&findings, &idle.vivid.node());
    let is_known = |(verdict, _): &(String, String)| verdict != "unknown";
    assert!(
        !of_idle.is_empty() && of_idle.iter().all(is_known),
        "{of_idle:?}"
    );
}

#[test]
fn a_camera_that_another_program_streams_from_does_not_disturb_the_choice_for_ours() {
    let ([theirs, ours], cards) = (cameras(), cards());
    let source = format!(
        "{} ! video/x-raw,width=640,height=360",
        theirs.vivid.source()
    );
    let other = Run::pipeline(&format!("-m {source} ! fakesink")).start();
    let streams = || {
        other
            .output()
            .contains("new-state=(GstState)playing")
            .then_some(())
    };
    assert!(
        wait::until(PATIENCE, streams).is_some(),
        "{}",
        other.output()
    );
    let (player, trace) = ours.play(&format!("{ALLOC} ! {}", sink_on(&cards[0])));
    ours.expect_chosen(&player, ALLOC);
    ours.expect_own_memory(&trace);
    drop(player);
    other.interrupt();
    let outcome = other.finish();
    assert!(
        !outcome.timed_out,
        "it goes on until it is told: {}",
        outcome.describe()
    );
}

#[test]
fn a_probe_leaves_format_interval_and_crop_as_they_were() {
    let cameras = cameras();
    let [first, second] = cameras.each_ref().map(|camera| &camera.vivid);
    for [one, other] in [[WEBCAM, HDMI], [HDMI, WEBCAM]] {
        let _unusual = [Unusual::set(first, one), Unusual::set(second, other)];
        let states = || [first, second].map(state);
        let before = states();
        note(format!("{before:#?}"));
        for part in ["YUYV", "480"] {
            assert!(before.concat().contains(part), "{part}: {before:#?}");
        }
        let findings = probe();
        assert_eq!(states(), before);
        for camera in [first, second] {
            let tried = verdicts(&findings, &camera.node());
            let was_tried = tried.iter().any(|(verdict, _)| verdict == "accepted");
            assert!(
                was_tried,
                "a probe that asks nobody proves nothing: {tried:?}"
            );
        }
    }
}

#[test]
fn a_pipeline_leaves_what_the_stock_source_alone_would_leave() {
    let cameras = cameras();
    for (camera, input) in cameras.iter().zip([HDMI, WEBCAM]) {
        let after = |source: &str, rest: &str| {
            let _unusual = Unusual::set(&camera.vivid, input);
            let player = Player::launch(&format!("{source} ! {rest}"));
            player.play();
            player.wait_frames(5);
            drop(player);
            state(&camera.vivid)
        };
        let importing = camera.importing();
        let sink = sink_on(&cards()[0]);
        let negotiated = after(&importing, &format!("{ALLOC} ! {sink}"));
        // Without a negotiation, in memory that it makes itself.
        let alone = after(&importing.replace("dmabuf-import", "dmabuf"), "fakesink");
        assert_eq!(
            negotiated,
            alone,
            "input {input} of {}",
            camera.vivid.node()
        );
    }
}
