//! Elements between camera, allocator and display: where memory passes, the display has a say in it; where it changes, none.

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 6;
const RATE: &str = "framerate=25/1";
const SINK: &str = "dmaheapkmssink name=sink driver-name=vkms";
const IN_BGRX: &str = "video/x-raw,format=BGRx";
/// The conversion that pictures are compared with: without short cuts, which are off by 6.
const AS_THE_REFERENCE: &str = "videoconvert chroma-mode=none dither=none ! video/x-raw,format=ARGB64 \
                                ! videoconvert dither=none";
/// Without `qos` it works on every frame, also on one behind a late one.
const EFFECT: &str = "videobalance qos=false saturation=0";
/// Words of the story that name the two devices.
const CAMERA: &str = "camera vivid";
const DISPLAY: &str = "display vkms";

fn caps(naming: Naming) -> String {
    format!("{},{RATE}", NV12.caps(naming, SIZE))
}

fn camera() -> Vivid {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    vivid
}

fn importing(vivid: &Vivid) -> String {
    format!("{} io-mode=dmabuf-import", vivid.source())
}

#[track_caller]
fn play(description: &str) -> Player {
    note(description);
    let player = Player::launch(description);
    player.play();
    Account::wait(&player, "sink", "frames", FRAMES);
    player
}

/// Who, beside the heaps, the memory of that element was chosen for.
#[track_caller]
fn story(player: &Player, name: &str) -> String {
    let story = Account::of(player, name).text("negotiation");
    note(&story);
    story
}

#[track_caller]
fn expect_no_copy(player: &Player, names: &[&str]) {
    for name in names {
        let account = Account::of(player, name);
        assert_eq!(
            account.counts(["copies", "foreign"]),
            [0, 0],
            "{name}: {account:?}"
        );
    }
}

/// Ends the pipeline, because the peer needs the camera for its reference.
#[track_caller]
fn expect_shown(player: Player, source: &str) {
    let screen = player.snapshot();
    drop(player);
    let reference = Picture::by_videoconvert(source, 1, SIZE.0, SIZE.1);
    let place = vkms::centred(SIZE.0, SIZE.1);
    assert!(screen.is_black_outside(place), "beside the picture");
    let difference = screen.crop(place).difference(&reference, &[]);
    assert!(difference.is_within(3, 1.0), "{difference:?}");
}

#[test]
fn elements_that_hand_frames_on_hand_the_display_on_to_the_allocator() {
    let vivid = camera();
    let any = "capsfilter caps=video/x-raw(ANY)";
    for naming in Naming::ALL {
        for (before, after) in [
            ("queue ! identity", any),
            (any, "identity ! queue ! valve"),
            ("valve", "tee ! queue ! videorate ! multiqueue"),
        ] {
            let graph = format!(
                "{} ! {} ! {before} ! dmaheapalloc name=heap ! {after} ! {SINK}",
                importing(&vivid),
                caps(naming)
            );
            let player = play(&graph);
            let story = story(&player, "heap");
            assert!(story.contains(DISPLAY) && story.contains(CAMERA), "{story}");
            expect_no_copy(&player, &["heap", "sink"]);
        }
    }
}

#[test]
fn elements_that_hand_frames_on_hand_the_camera_on_to_the_pool_of_the_sink() {
    let vivid = camera();
    for naming in Naming::ALL {
        let between = "identity ! queue ! capsfilter ! valve";
        let graph = format!(
            "{} ! {} ! {between} ! {SINK}",
            importing(&vivid),
            caps(naming)
        );
        let player = play(&graph);
        let story = story(&player, "sink");
        assert!(story.contains(DISPLAY) && story.contains(CAMERA), "{story}");
        expect_no_copy(&player, &["sink"]);
    }
}

#[test]
fn an_element_that_writes_other_caps_on_frames_hands_the_display_on() {
    let vivid = camera();
    let setter = "capssetter caps=video/x-raw,pixel-aspect-ratio=1/1";
    let graph = format!(
        "{} ! {} ! dmaheapalloc name=heap ! {setter} ! {SINK}",
        importing(&vivid),
        caps(Naming::Plain)
    );
    let player = play(&graph);
    let story = story(&player, "heap");
    assert!(story.contains(DISPLAY), "{story}");
    expect_no_copy(&player, &["heap", "sink"]);
}

#[test]
fn a_converter_keeps_the_display_from_the_camera_and_the_camera_from_the_display() {
    let vivid = camera();
    let head = format!("{} ! {}", vivid.source(), caps(Naming::Plain));
    let player = play(&format!("{head} ! videoconvert ! {IN_BGRX} ! {SINK}"));
    let sinks = story(&player, "sink");
    assert!(
        sinks.contains(DISPLAY) && !sinks.contains(CAMERA),
        "{sinks}"
    );
    expect_no_copy(&player, &["sink"]);
    drop(player);

    let head = format!("{} ! {}", importing(&vivid), caps(Naming::Plain));
    let player = play(&format!(
        "{head} ! dmaheapalloc name=heap ! {AS_THE_REFERENCE} ! {IN_BGRX} ! {SINK}"
    ));
    let [heaps, sinks] = ["heap", "sink"].map(|name| story(&player, name));
    assert!(
        heaps.contains(CAMERA) && !heaps.contains(DISPLAY),
        "{heaps}"
    );
    assert!(
        sinks.contains(DISPLAY) && !sinks.contains(CAMERA),
        "{sinks}"
    );
    // The camera of this machine wants contiguous memory, and the display does not.
    let allocator = |name| Account::of(&player, name).text("allocator");
    assert_eq!(allocator("heap"), "default_cma_region");
    assert_eq!(allocator("sink"), "system");
    expect_no_copy(&player, &["heap", "sink"]);
    expect_shown(
        player,
        &format!("{} ! {}", vivid.source(), caps(Naming::Plain)),
    );
}

#[test]
fn a_converter_with_nothing_to_do_hands_the_display_on() {
    let vivid = camera();
    let graph = format!(
        "{} ! {} ! dmaheapalloc name=heap ! videoconvert ! {SINK}",
        importing(&vivid),
        caps(Naming::Plain)
    );
    let player = play(&graph);
    let story = story(&player, "heap");
    assert!(story.contains(DISPLAY) && story.contains(CAMERA), "{story}");
    expect_no_copy(&player, &["heap", "sink"]);
}

#[test]
fn an_effect_in_place_hands_the_display_on_and_brackets_its_access() {
    let vivid = camera();
    let plain = caps(Naming::Plain);
    let graph = format!(
        "{} ! {plain} ! dmaheapalloc name=heap ! {EFFECT} ! {SINK}",
        importing(&vivid)
    );
    let recorder = Recorder::start();
    let player = play(&graph);
    let frames = Account::of(&player, "heap").count("frames");
    let trace = recorder.finish().of_process(std::process::id());
    let story = story(&player, "heap");
    assert!(story.contains(DISPLAY) && story.contains(CAMERA), "{story}");
    expect_no_copy(&player, &["heap", "sink"]);
    let (queued, mapped) = (trace.queued(), trace.mapped());
    let shared = queued.intersection(&trace.imported()).count();
    assert!(shared >= 2, "the display reads what the camera wrote");
    assert!(!mapped.is_disjoint(&queued), "the effect works in place");
    let syncs = trace.calls().get("DMA_BUF_IOCTL_SYNC").copied();
    let syncs = syncs.unwrap_or(0);
    assert!(
        syncs >= 2 * (frames - 2),
        "{syncs} SYNC ioctls for {frames} frames"
    );
    expect_shown(player, &format!("{} ! {plain} ! {EFFECT}", vivid.source()));
}

#[test]
fn an_effect_in_place_works_in_the_pool_of_the_sink() {
    let vivid = camera();
    let plain = caps(Naming::Plain);
    let player = play(&format!(
        "{} ! {plain} ! {EFFECT} ! {SINK}",
        importing(&vivid)
    ));
    let story = story(&player, "sink");
    assert!(story.contains(DISPLAY) && story.contains(CAMERA), "{story}");
    assert!(story.contains("the CPU"), "{story}");
    expect_no_copy(&player, &["sink"]);
    expect_shown(player, &format!("{} ! {plain} ! {EFFECT}", vivid.source()));
}
