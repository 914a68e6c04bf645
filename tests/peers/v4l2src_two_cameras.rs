//! Two cameras in one pipeline, each with memory of its own kind, on a display each.

use std::time::Duration;

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::two_cameras::{SIZE, cameras, cards, sink_called};
use dmaheap_tests::{note, wait};
use gst::prelude::*;

const FRAMES: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn two_cameras_in_one_pipeline_play_on_two_displays() {
    let (cameras, cards) = (cameras(), cards());
    let references = [0, 1].map(|at: usize| cameras[at].reference());
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let branch = |at: usize| {
        format!(
            "{} name=camera{at} zero-copy=required ! {caps},framerate=30/1 ! {} zero-copy=required",
            cameras[at].vivid.own_source(),
            sink_called(&format!("display{at}"), &cards[at])
        )
    };
    let player = Player::launch(&format!("{} {}", branch(0), branch(1)));
    let recorder = Recorder::start();
    player.play();
    let stats = |name: String| player.element(&name).property::<gst::Structure>("stats");
    for name in ["camera0", "camera1", "display0", "display1"] {
        let shown = wait::until(PATIENCE, || {
            let frames = stats(name.to_owned()).get::<u64>("frames");
            frames.is_ok_and(|frames| frames >= FRAMES).then_some(())
        });
        let account = stats(name.to_owned());
        note(format!("{name}: {account}"));
        assert!(
            shown.is_some(),
            "{name}: {:?}, {account}",
            player.warnings()
        );
    }
    // A picture that is read back is an import, too.
    let trace = recorder.finish().of_process(std::process::id());
    for at in [0, 1] {
        let account = stats(format!("camera{at}"));
        assert_eq!(account.get::<&str>("io"), Ok("import"), "{account}");
        assert_eq!(
            account.get::<&str>("heap"),
            Ok(cameras[at].heap),
            "{account}"
        );
        for name in [format!("camera{at}"), format!("display{at}")] {
            let account = stats(name);
            assert_eq!(account.get::<u64>("copies"), Ok(0), "{account}");
        }
        cameras[at].expect_on_screen(&player, &format!("display{at}"), &references[at]);
    }
    let heaps = cameras.map(|camera| camera.heap.to_owned());
    assert_eq!(trace.queued_from(), heaps.into());
    trace.expect_zero_copy(30);
}
