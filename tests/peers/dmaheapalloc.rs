//! `dmaheapalloc` between peers: whose memory the frames are in, and what its account says of it.

use std::sync::mpsc;

use dmaheap_tests::census::Census;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::Vivid;
use gst::prelude::*;

const NV12: &str = "video/x-raw,format=NV12,width=640,height=360";
const NV12_LEN: u64 = 640 * 360 * 3 / 2;

/// Several counters of `dmaheapalloc`, all of one moment.
#[track_caller]
fn counts<const N: usize>(player: &Player, names: [&str; N]) -> [u64; N] {
    player.stats("dmaheapalloc", names)
}

fn text(player: &Player, field: &str) -> String {
    let stats = player
        .by_factory("dmaheapalloc")
        .property::<gst::Structure>("stats");
    stats.get::<String>(field).expect("a string in stats")
}

/// What `pick` finds among the messages that are posted from now on; `Player` reads only errors and drops the rest.
fn messages<T: Send + 'static>(
    player: &Player,
    pick: impl Fn(&gst::Message) -> Option<T> + Send + Sync + 'static,
) -> mpsc::Receiver<T> {
    let (found, messages) = mpsc::channel();
    let pipeline = player.by_factory("dmaheapalloc").parent();
    let pipeline = pipeline.and_downcast::<gst::Pipeline>();
    let bus = pipeline.and_then(|it| it.bus()).expect("a bus");
    bus.set_sync_handler(move |_bus, message| {
        if let Some(picked) = pick(message) {
            // The test may have stopped to listen.
            let _unheard = found.send(picked);
        }
        gst::BusSyncReply::Pass
    });
    messages
}

/// Plays until `frames` have reached the sink.
#[track_caller]
fn played(description: &str, frames: u64) -> Player {
    let player = Player::launch(description);
    player.play();
    player.wait_frames(frames);
    player
}

#[test]
fn a_camera_writes_into_the_heap_that_was_named() {
    let vivid = Vivid::find();
    for heap in ["system", "default_cma_region", "udmabuf"] {
        let source = format!("{} io-mode=dmabuf-import ! {NV12}", vivid.source());
        let player = played(
            &format!("{source} ! dmaheapalloc heap={heap} ! fakesink"),
            20,
        );
        let [imported, foreign, copies] = counts(&player, ["imported", "foreign", "copies"]);
        assert!(
            imported >= 20 && foreign == 0 && copies == 0,
            "{heap}: {imported} {foreign} {copies}"
        );
        assert_eq!(text(&player, "heap"), heap);
        let census = Census::take();
        let [allocations, size, high] =
            counts(&player, ["allocations", "pool-size", "pool-high-water"]);
        assert_eq!(
            census.dmabufs as u64, size,
            "{heap}: as many as debugfs sees"
        );
        assert!(
            allocations == high && (2..=6).contains(&high),
            "{heap}: {allocations} {high}"
        );
    }
}

#[test]
fn another_name_of_a_heap_is_the_same_heap() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import ! {NV12}", vivid.source());
    let player = played(
        &format!("{source} ! dmaheapalloc heap=reserved ! fakesink"),
        5,
    );
    assert_eq!(text(&player, "heap"), "default_cma_region");
}

#[test]
fn auto_takes_a_heap_that_the_camera_accepted_and_says_so() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import ! {NV12}", vivid.source());
    let player = played(&format!("{source} ! dmaheapalloc ! fakesink"), 5);
    assert_eq!(text(&player, "heap"), "system");
    let reason = text(&player, "heap-reason");
    assert!(
        reason.contains("accepted by camera vivid (/dev/video0)"),
        "{reason}"
    );
    let story = text(&player, "negotiation");
    assert!(
        story.contains("system: chosen") && story.lines().count() >= 3,
        "{story}"
    );
}

#[test]
fn exports_of_the_camera_pass_untouched() {
    let vivid = Vivid::find();
    let source = format!("{} ! {NV12}", vivid.source());
    let player = played(
        &format!("{source} ! dmaheapalloc zero-copy=required ! fakesink"),
        20,
    );
    let [imported, foreign, copies, allocations] =
        counts(&player, ["imported", "foreign", "copies", "allocations"]);
    assert!(
        foreign >= 20 && imported == 0 && copies == 0,
        "{foreign} {imported} {copies}"
    );
    assert_eq!(
        allocations, 0,
        "nothing is allocated for a pool that nobody takes"
    );
}

#[test]
fn a_cpu_element_draws_straight_into_the_heap() {
    let player = played(
        &format!("videotestsrc ! {NV12} ! dmaheapalloc zero-copy=required ! fakesink"),
        20,
    );
    let [imported, copies] = counts(&player, ["imported", "copies"]);
    assert!(imported >= 20 && copies == 0, "{imported} {copies}");
}

#[test]
fn ordinary_memory_is_copied_once_and_counted() {
    let description = format!(
        "videotestsrc ! {NV12} ! identity drop-allocation=true ! dmaheapalloc ! fakesink sync=false"
    );
    let player = Player::launch(&description);
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(20);
    player.reach(gst::State::Paused).expect("paused");
    let [frames, copies, bytes, syncs] =
        counts(&player, ["frames", "copies", "bytes-copied", "sync-ioctls"]);
    drop(player);
    let trace = recorder.finish().of_process(std::process::id());
    assert!(copies >= 20 && copies == frames, "{copies} of {frames}");
    assert_eq!(bytes, copies * NV12_LEN);
    let seen = trace
        .calls()
        .get("DMA_BUF_IOCTL_SYNC")
        .copied()
        .unwrap_or(0);
    assert_eq!(syncs, seen, "SYNC calls by our account and in the trace");
    assert!(!trace.mapped().is_empty());
}

#[test]
fn a_copy_keeps_the_picture() {
    let checksum = |rest: &str| -> String {
        let description = format!(
            "videotestsrc pattern=smpte num-buffers=1 ! {NV12} ! {rest} videoconvert ! video/x-raw,format=BGRx \
             ! appsink name=end sync=false"
        );
        let player = Player::launch(&description);
        player.reach(gst::State::Playing).expect("plays");
        let end = player.element("end");
        let sample: Option<gst::Sample> = end.emit_by_name("pull-sample", &[]);
        let sample = sample.expect("a picture");
        let map = sample
            .buffer()
            .expect("a buffer")
            .map_readable()
            .expect("mapped");
        gst::glib::compute_checksum_for_data(gst::glib::ChecksumType::Md5, &map)
            .expect("MD5")
            .to_string()
    };
    let reference = checksum("");
    assert_eq!(checksum("dmaheapalloc !"), reference, "drawn into the heap");
    assert_eq!(
        checksum("identity drop-allocation=true ! dmaheapalloc !"),
        reference,
        "copied to the heap"
    );
}

#[test]
fn buffers_are_as_many_as_were_asked_for() {
    let at_least = played(
        &format!("videotestsrc ! {NV12} ! dmaheapalloc min-buffers=9 ! fakesink"),
        5,
    );
    assert_eq!(at_least.stat("dmaheapalloc", "pool-size"), 9);
    drop(at_least);
    let description = format!(
        "videotestsrc ! {NV12} ! dmaheapalloc max-buffers=3 ! queue max-size-buffers=8 ! fakesink"
    );
    let at_most = played(&description, 30);
    assert!(at_most.stat("dmaheapalloc", "pool-high-water") <= 3);
}

#[test]
fn new_sizes_get_new_memory_and_the_old_is_freed() {
    let vivid = Vivid::find();
    let source = format!(
        "{} io-mode=dmabuf-import ! capsfilter name=size caps={NV12}",
        vivid.source()
    );
    let player = played(
        &format!("{source} ! dmaheapalloc zero-copy=required ! fakesink"),
        10,
    );
    for (width, height) in [(320, 180), (1280, 720), (640, 360)] {
        player.set_caps(
            "size",
            &format!("video/x-raw,format=NV12,width={width},height={height}"),
        );
        player.wait_frames(20);
        assert_eq!(player.stat("dmaheapalloc", "copies"), 0);
        let size = player.stat("dmaheapalloc", "pool-size");
        assert!(
            (2..=6).contains(&size),
            "{size} buffers at {width}x{height}"
        );
    }
}

#[test]
fn stopping_before_the_first_frame_is_no_refusal() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import ! {NV12}", vivid.source());
    let player = Player::launch(&format!("{source} ! dmaheapalloc ! fakesink"));
    let errors = messages(&player, |message| match message.view() {
        gst::MessageView::Error(error) => Some(error.error().to_string()),
        _ => None,
    });
    for state in [gst::State::Paused, gst::State::Playing].repeat(3) {
        player.reach(state).expect("the camera starts");
        player.stop();
    }
    drop(player);
    assert_eq!(errors.try_iter().collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_change_of_path_is_told_once() {
    let description = format!(
        "videotestsrc ! {NV12} ! identity name=gate drop-allocation=true ! dmaheapalloc ! fakesink"
    );
    let player = Player::launch(&description);
    let told = messages(&player, |message| match message.view() {
        gst::MessageView::Element(element) => element.structure().map(ToOwned::to_owned),
        _ => None,
    });
    player.play();
    player.wait_frames(10);
    drop(player);
    let told: Vec<_> = told.try_iter().collect();
    let named = |name: &str| {
        told.iter()
            .filter(|it| it.name() == name)
            .collect::<Vec<_>>()
    };
    let [path] = named("dmaheap-path")[..] else {
        panic!("one path, one message: {told:?}");
    };
    let [negotiation] = named("dmaheap-negotiation")[..] else {
        panic!("one choice, one message: {told:?}");
    };
    assert_eq!(negotiation.get::<&str>("allocator"), Ok("system"));
    assert_eq!(path.get::<&str>("path"), Ok("copy"));
    assert_eq!(path.get::<&str>("previous"), Ok("none"));
}

#[test]
fn allocators_are_found_by_name_and_give_dma_bufs() {
    gst::init().expect("GStreamer");
    // Any element loads the plugin, and with it the allocators.
    let _element = gst::ElementFactory::make("dmaheapalloc")
        .build()
        .expect("the plugin");
    let before = Census::take();
    for name in [
        "dmaheap",
        "dmaheap-system",
        "dmaheap-default_cma_region",
        "dmaheap-udmabuf",
    ] {
        let allocator =
            gst::Allocator::find(Some(name)).unwrap_or_else(|| panic!("no allocator {name}"));
        let params = gst::AllocationParams::new(gst::MemoryFlags::empty(), 63, 128, 256);
        let mut memory = allocator.alloc(10_000, Some(&params)).expect("memory");
        assert!(memory.is_type("dmabuf"), "{name}");
        assert_eq!((memory.size(), memory.offset()), (10_000, 128), "{name}");
        assert!(memory.maxsize() >= 128 + 10_000 + 256, "{name}");
        let inner = memory.get_mut().expect("ours alone");
        inner.map_writable().expect("mapped")[9_999] = 7;
        assert_eq!(memory.map_readable().expect("mapped")[9_999], 7);

        let copy = memory.copy();
        assert!(
            !copy.is_type("dmabuf"),
            "{name}: copies do not eat the heap"
        );
    }
    assert_eq!(Census::take().dmabufs, before.dmabufs);
}

#[test]
fn allocators_refuse_what_a_dma_buf_cannot_be() {
    gst::init().expect("GStreamer");
    let _element = gst::ElementFactory::make("dmaheapalloc")
        .build()
        .expect("the plugin");
    let allocator = gst::Allocator::find(Some("dmaheap-system")).expect("the system heap");
    let two_pages = gst::AllocationParams::new(gst::MemoryFlags::empty(), 8191, 0, 0);
    assert!(allocator.alloc(4096, Some(&two_pages)).is_err());
    assert!(allocator.alloc(usize::MAX, None).is_err());
}
