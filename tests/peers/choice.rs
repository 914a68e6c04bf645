//! Two cameras that want different memory, in either order: each gets its own, and nobody names a heap.

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::census::Census;
use dmaheap_tests::player::Player;
use dmaheap_tests::two_cameras::{
    CONTIGUOUS, SCATTERED, SIZE, cameras, cards, sink_called, sink_on,
};
use gst::prelude::*;

const ALLOC: &str = "dmaheapalloc";
const SINK: &str = "dmaheapkmssink";

#[test]
fn each_camera_gets_its_own_memory_and_the_display_shows_its_picture() {
    let before = Census::take();
    for camera in cameras() {
        let reference = camera.reference();
        let (player, trace) = camera.play(&format!("{ALLOC} ! {}", sink_on(&cards()[0])));
        camera.expect_chosen(&player, ALLOC);
        camera.expect_own_memory(&trace);
        camera.expect_on_screen(&player, "sink", &reference);
        assert_eq!(player.stat(SINK, "copies"), 0);
    }
    before.expect_released();
}

#[test]
fn each_camera_gets_its_own_memory_and_the_stock_sink_takes_it() {
    let before = Census::take();
    for camera in cameras() {
        let (player, trace) = camera.play(&format!("{ALLOC} ! kmssink driver-name=vkms"));
        camera.expect_chosen(&player, ALLOC);
        camera.expect_own_memory(&trace);
    }
    before.expect_released();
}

#[test]
fn each_camera_gets_its_own_memory_from_the_pool_of_the_sink() {
    let before = Census::take();
    for camera in cameras() {
        let reference = camera.reference();
        let (player, trace) = camera.play(&sink_on(&cards()[0]));
        camera.expect_chosen(&player, SINK);
        camera.expect_own_memory(&trace);
        camera.expect_on_screen(&player, "sink", &reference);
    }
    before.expect_released();
}

#[test]
fn a_process_that_served_one_camera_serves_the_other_and_the_first_again() {
    let cameras = cameras();
    let rest = format!("{ALLOC} ! {}", sink_on(&cards()[0]));
    let serve = |at: usize| {
        let player = Player::launch(&format!("{} ! {rest}", cameras[at].importing()));
        player.play();
        player.wait_frames(5);
        cameras[at].expect_chosen(&player, ALLOC);
    };
    serve(0);
    // What a process opens once and keeps is open now.
    let before = Census::take();
    for at in [1, 0, 0, 1, 1] {
        serve(at);
    }
    before.expect_restored("both cameras in turns");
}

#[test]
fn one_pipeline_that_changes_its_camera_changes_its_memory() {
    let cameras = cameras();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let rest = format!("{ALLOC} ! {}", sink_on(&cards()[0]));
    let player = Player::launch(&format!(
        "v4l2src name=camera io-mode=dmabuf-import ! {caps} ! {rest}"
    ));
    for camera in [&cameras[0], &cameras[1], &cameras[0]] {
        let element = player.element("camera");
        element.set_property("device", camera.vivid.node());
        player.play();
        player.wait_frames(5);
        camera.expect_chosen(&player, ALLOC);
        player.stop();
    }
}

#[test]
fn two_pipelines_at_once_have_each_the_memory_of_their_camera() {
    let before = Census::take();
    let (cameras, cards) = (cameras(), cards());
    let references = cameras.each_ref().map(|camera| camera.reference());
    let players = [0, 1].map(|at| {
        let rest = format!("{ALLOC} ! {}", sink_on(&cards[at]));
        Player::launch(&format!("{} ! {rest}", cameras[at].importing()))
    });
    players.iter().for_each(Player::play);
    for (camera, player) in cameras.iter().zip(&players) {
        camera.expect_chosen(player, ALLOC);
    }
    for at in [0, 1] {
        cameras[at].expect_on_screen(&players[at], "sink", &references[at]);
    }
    // One ends, the other keeps its memory.
    players[0].stop();
    players[1].wait_frames(5);
    cameras[1].expect_chosen(&players[1], ALLOC);
    players[1].stop();
    drop(players);
    before.expect_released();
}

#[test]
fn each_camera_reaches_two_displays_through_a_tee_in_its_own_memory() {
    let before = Census::take();
    let cards = cards();
    for camera in cameras() {
        let reference = camera.reference();
        let branch = |at: usize| {
            let sink = sink_called(&format!("sink{at}"), &cards[at]);
            format!("t. ! queue ! {sink}")
        };
        let (player, trace) =
            camera.play(&format!("{ALLOC} ! tee name=t {} {}", branch(0), branch(1)));
        camera.expect_chosen(&player, ALLOC);
        camera.expect_own_memory(&trace);
        for at in [0, 1] {
            let name = format!("sink{at}");
            camera.expect_on_screen(&player, &name, &reference);
            assert_eq!(player.stat_of(&name, "copies"), 0, "{name}");
        }
    }
    before.expect_released();
}

#[test]
fn the_story_names_who_refused_which_memory_and_why() {
    for camera in cameras() {
        let player = Player::launch(&format!(
            "{} ! {ALLOC} ! {}",
            camera.importing(),
            sink_on(&cards()[0])
        ));
        let announcements = player.announcements(ALLOC);
        player.play();
        player.wait_frames(5);
        player.stop();
        let told: Vec<_> = announcements.try_iter().collect();
        let [told] = &told[..] else {
            panic!("one message for one choice: {told:#?}");
        };
        assert_eq!(told.allocator, camera.heap);
        assert_eq!(told.story, player.text(ALLOC, "negotiation"));
        assert_eq!(told.summary, player.text(ALLOC, "heap-reason"));
        let display = cards()[0].node.display().to_string();
        for part in [&*camera.vivid.node(), "vkms", &display, "chosen"] {
            assert!(
                told.story.contains(part),
                "{part} is missing in {}",
                told.story
            );
        }
        let is_refused = told.story.contains(&format!("{SCATTERED}: refused"));
        assert_eq!(is_refused, camera.heap == CONTIGUOUS, "{}", told.story);
        if is_refused {
            let reason = "wants contiguous memory";
            assert!(told.summary.contains(reason), "{}", told.summary);
            for part in ["VIDIOC_PREPARE_BUF|VIDIOC_QBUF", "os error|scattered"] {
                let is_there = part.split('|').any(|part| told.story.contains(part));
                assert!(is_there, "{part} is missing in {}", told.story);
            }
        }
    }
}

#[test]
fn contiguous_memory_that_is_named_serves_both() {
    let before = Census::take();
    for camera in cameras() {
        let player = Player::launch(&format!(
            "{} ! {ALLOC} heap={CONTIGUOUS} zero-copy=required ! {}",
            camera.importing(),
            sink_on(&cards()[0])
        ));
        player.play();
        player.wait_frames(5);
        assert_eq!(player.text(ALLOC, "allocator"), CONTIGUOUS);
        assert_eq!(player.stats(ALLOC, ["copies", "foreign"]), [0, 0]);
    }
    before.expect_released();
}
