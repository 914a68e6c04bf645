//! The ground that everything else stands on: unmodified GStreamer elements on vivid and vkms, seen by the instruments of this crate.
//!
//! Where one of these fails, the machine or an instrument is broken, and no other result means anything.

use dmaheap_tests::census::{self, Census, SETTLE};
use dmaheap_tests::command::Run;
use dmaheap_tests::picture::{Picture, Rect};
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::{vkms, wait};

const NV12: &str =
    "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12,width=640,height=360,framerate=60/1";
const KMSSINK: &str = "kmssink driver-name=vkms";

#[test]
fn the_trace_follows_exports_of_the_camera_to_the_display() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf num-buffers=60", vivid.source());
    let (_outcome, trace) =
        Recorder::record(Run::pipeline(&format!("-q {source} ! {NV12} ! {KMSSINK}")));
    let imported = trace.imported();
    assert!(
        !imported.is_empty() && imported.is_subset(&trace.exported()),
        "{imported:?} {:?}",
        trace.exported()
    );
    assert_eq!(
        trace.queued(),
        [].into(),
        "exports of the camera itself are not queued as foreign memory"
    );
    let calls = trace.between_frames(30, 50).calls();
    // At the ends of the interval one may be given back on the one side or the other.
    let queued = calls.get("VIDIOC_QBUF").copied().unwrap_or(0);
    assert!((19..=21).contains(&queued), "{calls:?}");
    assert!(calls.contains_key("DRM_IOCTL_MODE_SETPLANE"), "{calls:?}");
}

#[test]
fn the_trace_sees_dumb_buffers_queued_at_the_camera() {
    let vivid = Vivid::find();
    let source = format!("{} io-mode=dmabuf-import num-buffers=60", vivid.source());
    let (_outcome, trace) =
        Recorder::record(Run::pipeline(&format!("-q {source} ! {NV12} ! {KMSSINK}")));
    let queued = trace.queued();
    assert!(
        !queued.is_empty() && queued.is_subset(&trace.exported()),
        "{queued:?} {:?}",
        trace.exported()
    );
}

#[test]
fn the_trace_sees_a_mapping_where_a_peer_must_copy() {
    let vivid = Vivid::find();
    let caps = "video/x-raw,format=NV12,width=640,height=360,framerate=60/1";
    let source = format!("{} io-mode=dmabuf num-buffers=10", vivid.source());
    let pipeline =
        format!("-q {source} ! {caps} ! videoconvert ! video/x-raw,format=BGRx ! fakesink");
    let (_outcome, trace) = Recorder::record(Run::pipeline(&pipeline));
    assert!(!trace.mapped().is_empty() && trace.mapped().is_subset(&trace.exported()));
}

#[test]
fn the_census_sees_what_a_running_pipeline_holds_and_that_it_gives_it_back() {
    let vivid = Vivid::find();
    let card = vkms::card();
    let before = (census::dmabufs(), card.framebuffers().len());
    let player = Player::launch(&format!(
        "{} io-mode=dmabuf ! {NV12} ! {KMSSINK}",
        vivid.source()
    ));
    let loaded = Census::take();
    player.play();
    player.wait_frames(10);
    let playing = Census::take();
    assert!(
        playing.dmabufs > loaded.dmabufs && playing.dmabuf_bytes >= 640 * 360 * 3 / 2,
        "{playing}"
    );
    assert!(playing.framebuffers > loaded.framebuffers, "{playing}");
    assert!(
        playing.files.keys().any(|kind| kind.starts_with("/dmabuf")),
        "{playing:?}"
    );
    drop(player);
    let now = || (census::dmabufs(), card.framebuffers().len());
    let restored = wait::until(SETTLE, || (now() <= before).then_some(()));
    assert!(restored.is_some(), "{before:?} → {:?}", now());
}

#[test]
fn the_camera_shows_the_pattern_it_was_told_to_and_counts_its_frames() {
    let vivid = Vivid::find();
    let source = format!(
        "{} ! video/x-raw,format=NV12,width=640,height=360,framerate=60/1",
        vivid.source()
    );
    vivid.show(Pattern::Red, OsdText::Counters);
    let first = Picture::by_videoconvert(&source, 1, 640, 360);
    let second = Picture::by_videoconvert(&source, 9, 640, 360);
    let [red, green, blue] = first.pixel(320, 200);
    assert!(
        red > 240 && green < 15 && blue < 15,
        "red is ({red}, {green}, {blue})"
    );
    assert!(
        first
            .difference(&second, &[Vivid::COUNTER])
            .is_within(0, 0.0),
        "only the counter may differ"
    );
    assert!(
        !first.difference(&second, &[]).is_within(3, 1.0),
        "the counter must differ"
    );
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let bars = Picture::by_videoconvert(&source, 1, 640, 360);
    assert!(!bars.is_uniform() && !first.difference(&bars, &[]).is_within(3, 1.0));
    let left_bar = bars.crop(Rect {
        x: 8,
        y: 8,
        width: 60,
        height: 340,
    });
    assert!(
        left_bar.is_uniform(),
        "the first bar is white from top to bottom"
    );
}
