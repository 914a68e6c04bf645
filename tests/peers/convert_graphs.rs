//! `dmaheapconvert` among our own elements: from our camera to a display and a compositor at once.

use std::collections::BTreeSet;

use dmaheap_tests::account::Account;
use dmaheap_tests::census::Census;
use dmaheap_tests::kprobe::Kprobe;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::weston::{Renderer, Weston};

const SIZE: (u32, u32) = (320, 240);
const FRAMES: u64 = 60;

/// Our camera, as fast as vim2m is, which takes 40 ms for a frame; and what it is turned into.
fn converted(vivid: &Vivid) -> String {
    let (width, height) = SIZE;
    format!(
        "dmaheapv4l2src device={} name=camera zero-copy=required ! \
         video/x-raw(ANY),format=RGB,width={width},height={height},framerate=15/1 ! \
         dmaheapconvert backend=m2m name=convert zero-copy=required ! video/x-raw(ANY),format=RGB16",
        vivid.node()
    )
}

#[test]
fn our_camera_a_device_and_a_display_share_their_memory() {
    let vivid = Vivid::find();
    // Without the clock no frame is late; one is imported when it is first shown.
    let description = format!(
        "{} ! dmaheapkmssink name=sink driver-name=vkms sync=false zero-copy=required",
        converted(&vivid)
    );
    let census = Census::take();
    let player = Player::launch(&description);
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(FRAMES);
    let account = Account::of(&player, "convert");
    let shown = Account::of(&player, "sink");
    drop(player);
    let trace = recorder.finish().of_process(std::process::id());
    let (queued, imported) = (trace.queued(), trace.imported());
    let shared: BTreeSet<_> = &queued & &imported;
    note(format!("{account:?}"));
    assert!(shared.len() >= 2, "queued {queued:?}, shown {imported:?}");
    let steady = trace.between_frames(3 * 20, 3 * 50);
    assert!(
        steady.exported().is_empty() && steady.imported().is_empty() && steady.mapped().is_empty()
    );
    note(format!("{:?}", steady.calls()));
    assert_eq!(
        account.counts(["copies", "re-attachments", "sync-ioctls"]),
        [0, 0, 0]
    );
    assert_eq!(shown.counts(["copies"]), [0]);
    census.expect_restored("a converted camera");
}

#[test]
fn a_converted_frame_is_on_a_display_and_on_a_compositor_at_once() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let description = format!(
        "{} ! tee name=t \
         t. ! queue ! dmaheapwaylandsink name=window display={} zero-copy=required \
         t. ! queue ! dmaheapkmssink name=screen driver-name=vkms zero-copy=required",
        converted(&vivid),
        weston.display()
    );
    let player = Player::launch(&description);
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(FRAMES);
    let accounts = ["window", "screen"].map(|name| Account::wait(&player, name, "frames", 20));
    let account = Account::of(&player, "convert");
    drop(player);
    let trace = recorder.finish();
    let own = trace.of_process(std::process::id());
    let (queued, scanned_out) = (own.queued(), own.imported());
    let drawn = trace.of_process(weston.pid()).mapped();
    let on_both = &(&queued & &scanned_out) & &drawn;
    note(format!("{on_both:?} are on both; {account:?}"));
    assert!(on_both.len() >= 2, "{queued:?}, {scanned_out:?}, {drawn:?}");
    assert_eq!(account.counts(["copies", "re-attachments"]), [0, 0]);
    for account in accounts {
        assert_eq!(account.count("copies"), 0, "{account:?}");
    }
}

/// To list all sizes of all its formats would take hundreds of questions; this start names one format.
#[test]
fn the_camera_is_asked_for_what_is_in_question_only() {
    const SIZES_OF_ONE_FORMAT: u64 = 20;
    let vivid = Vivid::find();
    let player = Player::launch(&format!("{} ! fakesink", converted(&vivid)));
    player.reach(gst::State::Ready).expect("the devices open");
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(1);
    let trace = recorder.finish().of_process(std::process::id());
    let calls = trace.until_frame(1).calls();
    note(format!("{calls:?}"));
    let sizes = calls.get("VIDIOC_ENUM_FRAMESIZES").copied();
    let sizes = sizes.expect("the element looks upstream");
    assert!(sizes <= SIZES_OF_ONE_FORMAT, "{sizes} sizes: {calls:?}");
}

/// vim2m copies by CPU: it maps a dma-buf into the kernel when a buffer number meets another one than the last time.
#[test]
fn the_kernel_maps_each_frame_once_on_either_side_of_a_device() {
    let vivid = Vivid::find();
    let queues = Kprobe::of_queues();
    let player = Player::launch(&format!("{} ! fakesink", converted(&vivid)));
    let attached = || Account::of(&player, "convert").count("attachments");
    let start = queues.hits();
    player.play();
    player.wait_frames(30);
    let (before, known) = (attached(), queues.hits());
    player.wait_frames(60);
    let mapped = queues.hits() - known;
    // What was mapped last is counted when its frame is done.
    player.wait_frames(2);
    let new = attached() - before;
    note(format!(
        "{} at the start, then {mapped}, {new} of them new",
        known - start
    ));
    assert!(known - start >= 6, "a camera and two queues of a device");
    // A frame that lay deep in its pool may come late for the first time.
    assert!(mapped <= new, "{mapped} mapped, and {new} frames were new");
    assert_eq!(Account::of(&player, "convert").count("re-attachments"), 0);
}
