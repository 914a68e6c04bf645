//! Start, stop, flush and renegotiate, again and again: the picture stays right and nothing stays behind.

use std::env;

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::census::{self, Census, SETTLE};
use dmaheap_tests::note;
use dmaheap_tests::picture::Rect;
use dmaheap_tests::player::{DebugLog, Player};
use dmaheap_tests::scanout::display_state;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::{vkms, wait};
use gst::State;

const SIZE: (u32, u32) = (640, 360);
const SMALLER: (u32, u32) = (320, 240);
const SINK: &str = "dmaheapkmssink";

/// The figure under `--soak`; enough to see a leak otherwise.
fn cycles() -> usize {
    if env::var_os("DMAHEAP_SOAK").is_some() {
        50
    } else {
        5
    }
}

fn caps(size: (u32, u32)) -> String {
    NV12.caps(Naming::DmaDrm, size)
}

/// A pipeline with our sink whose size can be changed, on a red picture.
#[track_caller]
fn launch(vivid: &Vivid, io_mode: &str) -> Player {
    vivid.show(Pattern::Red, OsdText::None);
    let filter = format!("capsfilter name=size caps={}", caps(SIZE));
    Player::launch(&format!(
        "{} io-mode={io_mode} ! {filter} ! dmaheapkmssink driver-name=vkms",
        vivid.source()
    ))
}

#[track_caller]
fn cycle(player: &Player) {
    for state in [State::Paused, State::Playing] {
        player
            .reach(state)
            .unwrap_or_else(|failure| panic!("{failure:#?}"));
    }
    player.wait_frames(3);
    for state in [State::Paused, State::Playing, State::Null] {
        player
            .reach(state)
            .unwrap_or_else(|failure| panic!("{failure:#?}"));
    }
}

/// The first cycle loads plugins and opens what a process opens once; no later one may leave more behind.
#[track_caller]
fn expect_no_leak(player: &Player, what: &str) {
    cycle(player);
    let before = Census::take();
    note(&before);
    for _cycle in 0..cycles() {
        cycle(player);
    }
    before.expect_restored(what);
}

#[test]
fn restarts_of_camera_and_sink_leave_nothing_behind() {
    let vivid = Vivid::find();
    let display = display_state();
    for io_mode in ["dmabuf-import", "dmabuf"] {
        expect_no_leak(
            &launch(&vivid, io_mode),
            &format!("restarts with io-mode={io_mode}"),
        );
    }
    assert_eq!(display_state(), display, "the screen as it was found");
}

#[test]
fn restarts_of_allocator_and_peer_leave_nothing_behind() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import ! {}", vivid.source(), caps(SIZE));
    expect_no_leak(
        &Player::launch(&format!(
            "{source} ! dmaheapalloc ! kmssink driver-name=vkms"
        )),
        "restarts",
    );
}

#[test]
fn flushes_leave_nothing_behind_and_frames_go_on() {
    let vivid = Vivid::find();
    let player = launch(&vivid, "dmabuf-import");
    let without = Census::take();
    player.play();
    player.wait_frames(5);
    let before = Census::take();
    for _flush in 0..cycles() {
        player.flush("v4l2src");
        player.wait_frames(3);
    }
    // Buffers are imported when they are first shown, so there may be more framebuffers; more than buffers and a backdrop is a leak.
    let mut now = Census::take();
    let is_bounded = || {
        now = Census::take();
        let own_framebuffers = now.framebuffers.saturating_sub(without.framebuffers);
        let is_bounded = now.files_but_dmabufs() == before.files_but_dmabufs()
            && now.dmabufs <= before.dmabufs + 1
            && own_framebuffers <= now.dmabufs + 1;
        is_bounded.then_some(())
    };
    let bounded = wait::until(SETTLE, is_bounded);
    assert!(bounded.is_some(), "{before:?} → {now:?}");
    player.stop();
    census::settle();
    let stopped = Census::take();
    player.play();
    player.wait_frames(5);
    player.flush("v4l2src");
    player.wait_frames(3);
    player.stop();
    stopped.expect_restored("a flush");
}

#[test]
fn a_new_size_while_playing_shows_the_new_picture_and_frees_the_old_memory() {
    let vivid = Vivid::find();
    let player = launch(&vivid, "dmabuf-import");
    player.play();
    player.wait_frames(3);
    let before = Census::take();
    for _change in 0..cycles() {
        for size in [SMALLER, SIZE] {
            player.set_caps("size", &caps(size));
            player.wait_caps(size);
            player.wait_more(SINK, 3);
            let (screen, place) = (player.snapshot(), vkms::centred(size.0, size.1));
            assert!(
                screen.is_black_outside(place),
                "{size:?} leaves something of the other size"
            );
            let [red, green, blue] = screen.crop(place).pixel(2, 2);
            assert!(
                red > 230 && green < 20 && blue < 20,
                "{size:?} shows ({red}, {green}, {blue})"
            );
        }
    }
    let is_bounded = || (Census::take().dmabufs <= before.dmabufs + 1).then_some(());
    let bounded = wait::until(SETTLE, is_bounded);
    assert!(bounded.is_some(), "{before} → {}", Census::take());
    assert_eq!(player.stat(SINK, "copies"), 0);
    player.stop();
    let is_freed = || (Census::take().dmabufs < before.dmabufs).then_some(());
    let freed = wait::until(SETTLE, is_freed);
    assert!(freed.is_some(), "{before} → {}", Census::take());
}

#[test]
fn twenty_new_sizes_with_exports_of_the_camera_meet_no_busy_device_and_no_black_frame() {
    const CHANGES: usize = 20;
    let vivid = Vivid::find();
    let player = launch(&vivid, "dmabuf");
    let log = DebugLog::start("v4l2*:WARNING");
    player.play();
    player.wait_counted(SINK, 3);
    let everywhere = Rect {
        x: vkms::MODE.0 / 2 - 100,
        y: vkms::MODE.1 / 2 - 80,
        width: 200,
        height: 160,
    };
    for size in [SMALLER, SIZE].into_iter().cycle().take(CHANGES) {
        player.set_caps("size", &caps(size));
        loop {
            let centre = player.snapshot().crop(everywhere);
            let [red, green, blue] = centre.pixel(0, 0);
            assert!(
                centre.is_uniform() && red > 230 && green < 20 && blue < 20,
                "({red}, {green}, {blue}) on screen"
            );
            if player.caps_size() == size {
                break;
            }
        }
        player.wait_frames(2);
    }
    let busy: Vec<String> = log
        .finish()
        .into_iter()
        .filter(|line| line.to_lowercase().contains("busy"))
        .collect();
    assert!(busy.is_empty(), "{busy:#?}");
    assert_eq!(player.stat(SINK, "copies"), 0);
}
