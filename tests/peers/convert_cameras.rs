//! `dmaheapconvert` behind every kind of camera: contiguous memory, pictures in several dma-bufs, two cameras at once.

use std::collections::BTreeSet;

use dmaheap_tests::account::Account;
use dmaheap_tests::cameras::{CONTIGUOUS, CONTIGUOUS_MULTI, SCATTERED, SCATTERED_MULTI};
use dmaheap_tests::census::Census;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::raw;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use gst::prelude::*;

const SIZE: (u32, u32) = (320, 240);
const FRAMES: u64 = 60;

fn caps(format: &str) -> String {
    let (width, height) = SIZE;
    format!("video/x-raw,format={format},width={width},height={height},framerate=15/1")
}

/// One camera, with a converter of its own.
fn branch(vivid: &Vivid, from: &str, backend: &str, to: &str, name: &str) -> String {
    format!(
        "{} name={name}-camera zero-copy=required ! {} ! \
         dmaheapconvert name={name} backend={backend} zero-copy=required ! video/x-raw,format={to} ! \
         fakesink name={name}-end",
        vivid.own_source(),
        caps(from)
    )
}

fn still(instance: u32) -> Vivid {
    let vivid = Vivid::find_instance(instance);
    vivid.show(Pattern::Colorbar75, OsdText::None);
    vivid
}

#[track_caller]
fn last(player: &Player, name: &str) -> Vec<u8> {
    let end = player.element(&format!("{name}-end"));
    let sample = end.property::<Option<gst::Sample>>("last-sample");
    raw::bytes(&sample.expect("a picture"))
}

#[track_caller]
fn expect_no_copy(player: &Player, name: &str) {
    let account = Account::of(player, name);
    note(format!("{account:?}"));
    assert_eq!(
        account.counts(["copies", "foreign", "re-attachments"]),
        [0; 3]
    );
    assert!(account.count("imported") >= FRAMES / 2, "{account:?}");
}

#[test]
fn a_device_works_on_the_contiguous_memory_that_its_camera_wants() {
    let census = Census::take();
    let player = Player::launch(&branch(
        &still(CONTIGUOUS),
        "RGB",
        "m2m",
        "RGB16",
        "convert",
    ));
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(FRAMES);
    expect_no_copy(&player, "convert");
    let heap = Account::of(&player, "convert-camera").text("heap");
    drop(player);
    let trace = recorder.finish().of_process(std::process::id());
    assert_eq!(heap, "default_cma_region");
    let steady = trace.between_frames(3 * 20, 3 * 50);
    note(format!("{:?}", steady.calls()));
    assert_eq!(steady.attachments(), 0, "attached while frames flow");
    assert!(steady.exported().is_empty() && steady.mapped().is_empty());
    census.expect_restored("a contiguous camera");
}

/// The camera, left by another program in a format whose planes are dma-bufs of their own.
#[track_caller]
fn in_planes(instance: u32, code: &str) -> Vivid {
    let vivid = still(instance);
    let (width, height) = SIZE;
    vivid.v4l2_ctl(&[
        "--set-fmt-video",
        &format!("width={width},height={height},pixelformat={code}"),
    ]);
    vivid
}

#[test]
fn the_cpu_reads_pictures_in_several_dma_bufs_as_those_in_one() {
    for (instance, code, format, planes) in [
        (SCATTERED_MULTI, "NM12", "NV12", 2),
        (SCATTERED_MULTI, "YM12", "I420", 3),
        (CONTIGUOUS_MULTI, "NM12", "NV12", 2),
        (CONTIGUOUS_MULTI, "YM12", "I420", 3),
    ] {
        let vivid = in_planes(instance, code);
        let player = Player::launch(&branch(&vivid, format, "cpu", "BGRx", "convert"));
        let memories = player.element("convert").static_pad("sink").map(|pad| {
            let (seen, memories) = std::sync::mpsc::channel();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_pad, info| {
                let memories = info.buffer().map(|it| it.n_memory());
                let _nobody_reads_on = seen.send(memories);
                gst::PadProbeReturn::Ok
            });
            memories
        });
        player.play();
        player.wait_frames(FRAMES / 2);
        let memories = memories.expect("a pad").recv().expect("a frame");
        assert_eq!(memories, Some(planes), "{code}: memories of a frame");
        let ours = last(&player, "convert");
        expect_no_copy(&player, "convert");
        drop(player);
        // The same picture in one buffer, by the camera's other interface.
        let single = still(SCATTERED);
        let peers = raw::last(&format!(
            "{} io-mode=mmap num-buffers=2 ! {} ! videoconvert dither=none chroma-mode=none ! \
             video/x-raw,format=ARGB64 ! videoconvert dither=none ! video/x-raw,format=BGRx",
            single.source(),
            caps(format)
        ));
        let worst = raw::worst(&ours, &peers);
        note(format!("{code}: {worst}"));
        assert!(worst <= 2, "{code} of camera {instance}: off by {worst}");
    }
}

/// Each open file of a mem2mem device has queues of its own; the device takes turns.
#[test]
fn two_cameras_have_a_converter_each_at_once() {
    let [one, other] = [SCATTERED, CONTIGUOUS].map(still);
    let census = Census::take();
    let player = Player::launch(&format!(
        "{} {}",
        branch(&one, "RGB", "m2m", "RGB16", "one"),
        branch(&other, "RGB", "m2m", "YUY2", "other")
    ));
    let recorder = Recorder::start();
    player.play();
    for name in ["one", "other"] {
        Account::wait(&player, name, "converted", FRAMES);
    }
    for name in ["one", "other"] {
        expect_no_copy(&player, name);
    }
    let lens = ["one", "other"].map(|name| last(&player, name).len());
    drop(player);
    let trace = recorder.finish().of_process(std::process::id());
    let exporters = trace.queued_from();
    let expected: BTreeSet<_> = ["system", "default_cma_region"].map(str::to_owned).into();
    assert_eq!(exporters, expected);
    let pixels = (SIZE.0 * SIZE.1) as usize;
    assert_eq!(lens, [2 * pixels, 2 * pixels]);
    census.expect_restored("two converted cameras");
}
