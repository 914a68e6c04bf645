//! Cameras of every kind: scattered and contiguous memory, pictures in one dma-buf and in several, two at once.

use dmaheap_tests::account::Account;
use dmaheap_tests::cameras::{CONTIGUOUS, CONTIGUOUS_MULTI, SCATTERED, SCATTERED_MULTI};
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::Vivid;
use gst::prelude::*;

const CAPS: &str = "width=640,height=360,framerate=30/1";

#[track_caller]
fn launch(instance: u32, properties: &str, format: &str) -> Player {
    let source = Vivid::find_instance(instance).own_source();
    Player::launch(&format!(
        "{source} {properties} ! video/x-raw,format={format},{CAPS} ! fakesink name=sink signal-handoffs=true"
    ))
}

fn stats(player: &Player) -> gst::Structure {
    player.by_factory("dmaheapv4l2src").property("stats")
}

#[track_caller]
fn expect_import(player: &Player, heap: &str) {
    let stats = stats(player);
    assert_eq!(stats.get::<&str>("io"), Ok("import"), "{stats}");
    assert_eq!(stats.get::<&str>("heap"), Ok(heap), "{stats}");
    assert_eq!(stats.get::<u64>("copies"), Ok(0), "{stats}");
}

#[test]
fn each_camera_gets_the_memory_that_suits_it() {
    for (instance, heap) in [
        (SCATTERED, "system"),
        (CONTIGUOUS, "default_cma_region"),
        (SCATTERED_MULTI, "system"),
        (CONTIGUOUS_MULTI, "default_cma_region"),
    ] {
        for format in ["NV12", "YUY2", "I420"] {
            let player = launch(instance, "zero-copy=required", format);
            player.play();
            player.wait_frames(5);
            note(format!("{instance} {format}: {}", stats(&player)));
            expect_import(&player, heap);
        }
    }
}

/// The driver may pad a picture in several dma-bufs as it likes; each plane is a memory of its own.
#[test]
fn planes_in_dma_bufs_of_their_own_are_memories_of_their_own() {
    let source = Vivid::find_instance(SCATTERED_MULTI).own_source();
    // V4L2 has this format in three buffers only.
    let player = Player::launch(&format!(
        "{source} zero-copy=required ! video/x-raw,format=Y444,{CAPS} ! appsink name=sink"
    ));
    let sink = player.element("sink");
    let pad = sink.static_pad("sink").expect("a pad");
    // An application that looks where the planes are says so.
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_pad, info| {
        let Some(query) = info.query_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        let gst::QueryViewMut::Allocation(query) = query.view_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        gst::PadProbeReturn::Handled
    });
    player.play();
    let sample = sink
        .emit_by_name::<Option<gst::Sample>>("try-pull-sample", &[&20_000_000_000_u64])
        .expect("a frame");
    let buffer = sample.buffer().expect("a buffer");
    assert_eq!(buffer.n_memory(), 3);
    let meta = buffer.meta::<gst_video::VideoMeta>().expect("a meta");
    let first = buffer.peek_memory(0).size();
    assert_eq!(
        meta.offset()[1],
        first,
        "the second plane is in the second memory"
    );
}

#[test]
fn memory_that_the_driver_refuses_falls_back_or_is_an_error() {
    let player = launch(CONTIGUOUS, "heap=system", "NV12");
    player.play();
    player.wait_frames(5);
    let account = stats(&player);
    assert_eq!(account.get::<&str>("io"), Ok("export"), "{account}");
    let reason = account.get::<String>("io-reason").expect("a reason");
    for part in ["no import", "system", "/dev/video", "PREPARE_BUF"] {
        assert!(reason.contains(part), "{part} is missing in {reason}");
    }
    drop(player);

    let player = launch(CONTIGUOUS, "heap=system io=import", "NV12");
    let failure = player.play_to_failure();
    note(failure.text());
    assert_eq!(failure.error.domain().as_str(), "gst-resource-error-quark");
    for part in ["no import", "system", "default_cma_region", "heap=auto"] {
        assert!(
            failure.text().contains(part),
            "{part} is missing in {}",
            failure.text()
        );
    }
}

#[test]
fn copies_out_of_the_memory_of_the_driver_are_whole_pictures() {
    for (instance, format) in [(SCATTERED, "I420"), (CONTIGUOUS_MULTI, "Y444")] {
        let player = launch(instance, "io=mmap", format);
        player.play();
        player.wait_frames(5);
        let account = stats(&player);
        let reasons = account
            .get::<gst::Structure>("copy-reasons")
            .expect("reasons");
        assert!(
            reasons.get::<u64>("driver-memory").expect("counted") >= 4,
            "{account}"
        );
    }
}

#[test]
fn two_cameras_stream_at_once() {
    let [one, other] = [SCATTERED, CONTIGUOUS].map(|it| Vivid::find_instance(it).own_source());
    let caps = format!("video/x-raw,format=NV12,{CAPS}");
    let recorder = Recorder::start();
    let player = Player::launch(&format!(
        "{one} name=one ! {caps} ! fakesink {other} name=other ! {caps} ! fakesink"
    ));
    player.play();
    // A sink of one camera tells nothing of the other.
    let accounts = ["one", "other"].map(|name| Account::wait(&player, name, "imported", 10));
    drop(player);
    let trace = recorder.finish().of_process(std::process::id());
    note(format!("{accounts:?} from {:?}", trace.queued_from()));
    assert_eq!(trace.queued_from().len(), 2, "{:?}", trace.queued_from());
}
