//! `dmaheapconvert` among our own elements: from our camera to a display and a compositor at once.

use std::collections::BTreeSet;

use dmaheap_tests::account::Account;
use dmaheap_tests::census::Census;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::weston::{Renderer, Weston};

const SIZE: (u32, u32) = (320, 240);
const FRAMES: u64 = 60;

#[test]
fn our_camera_a_device_and_a_display_share_their_memory() {
    let vivid = Vivid::find();
    // Without the clock no frame is late; one is imported when it is first shown.
    let description = format!(
        "{} ! dmaheapkmssink name=sink driver-name=vkms sync=false zero-copy=required",
        vivid.converted(SIZE)
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
        vivid.converted(SIZE),
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
    let player = Player::launch(&format!("{} ! fakesink", vivid.converted(SIZE)));
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
