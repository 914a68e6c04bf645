//! What the display shows is what the camera saw, by every way out of the driver: read back through the writeback connector, judged
//! by a peer's conversion of what a peer captured.

use dmaheap_tests::caps::{FORMATS, NV12, Naming, RGB565};
use dmaheap_tests::note;
use dmaheap_tests::passing::hold_back;
use dmaheap_tests::picture::{Picture, Rect};
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use gst::prelude::*;

const SIZE: (u32, u32) = (640, 360);

#[track_caller]
fn shown(description: &str) -> (Picture, Player) {
    let player = Player::launch(description);
    player.play();
    player.wait_counted("dmaheapkmssink", 3);
    let picture = player.snapshot().crop(vkms::centred(SIZE.0, SIZE.1));
    (picture, player)
}

#[track_caller]
fn expect_equal(shown: &Picture, reference: &Picture, mask: &[Rect], what: &str) {
    let difference = shown.difference(reference, mask);
    note(format!(
        "{what}: max {:?}, mean {:?}",
        difference.max, difference.mean
    ));
    if !difference.is_within(3, 1.0) {
        shown.keep(&format!("{what}-shown"));
        reference.keep(&format!("{what}-reference"));
    }
    assert!(difference.is_within(3, 1.0), "{what}: {difference:?}");
}

/// The reference is captured by `v4l2src` and converted by `videoconvert`.
#[test]
fn every_format_shows_what_videoconvert_makes_of_it() {
    let vivid = Vivid::find();
    for (pattern, naming) in [
        (Pattern::Colorbar75, Naming::Plain),
        (Pattern::ColorSquares, Naming::DmaDrm),
    ] {
        vivid.show(pattern, OsdText::Counters);
        for format in FORMATS {
            let plain = format.caps(Naming::Plain, SIZE);
            let source = format!("{} ! {plain}", vivid.source());
            let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
            let caps = format.caps(naming, SIZE);
            let (picture, player) = shown(&format!(
                "{} zero-copy=required ! {caps} ! dmaheapkmssink driver-name=vkms zero-copy=required",
                vivid.own_source()
            ));
            let what = format!("{pattern:?}-{}", format.drm);
            expect_equal(&picture, &reference, &[Vivid::COUNTER], &what);
            let io = player.by_factory("dmaheapv4l2src");
            let stats = io.property::<gst::Structure>("stats");
            assert_eq!(stats.get::<&str>("io"), Ok("import"), "{stats}");
        }
    }
}

#[test]
fn exported_and_copied_frames_show_the_same_picture_as_imported_ones() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    for format in [NV12, RGB565] {
        let caps = format.caps(Naming::Plain, SIZE);
        let [import, export, copy] = ["import", "export", "mmap"].map(|io| {
            let (picture, player) = shown(&format!(
                "{} io={io} ! {caps} ! dmaheapkmssink driver-name=vkms zero-copy=required",
                vivid.own_source()
            ));
            // A frame on its way is counted at one place and not yet at the next.
            let source = player.by_factory("dmaheapv4l2src");
            hold_back(&source.static_pad("src").expect("a pad"));
            let names = ["frames", "imported", "exported", "copies"];
            let [frames, imported, exported, copies] = player.stats("dmaheapv4l2src", names);
            let counted = match io {
                "import" => imported,
                "export" => exported,
                _ => copies,
            };
            assert!(
                frames > 2 && frames == counted,
                "{io}: {counted} of {frames}"
            );
            assert_eq!(
                imported + exported + copies,
                counted,
                "{io} and nothing else"
            );
            picture
        });
        assert!(
            import.difference(&export, &[]).is_within(0, 0.0),
            "{format:?}"
        );
        assert!(
            import.difference(&copy, &[]).is_within(0, 0.0),
            "{format:?}"
        );
    }
}

/// Bytes of the next picture that gets to the application.
#[track_caller]
fn bytes_of(source: &str, caps: &str) -> Vec<u8> {
    let player = Player::launch(&format!("{source} ! {caps} ! appsink name=sink sync=false"));
    player.play();
    let sink = player.element("sink");
    let sample = sink
        .emit_by_name::<Option<gst::Sample>>("try-pull-sample", &[&20_000_000_000_u64])
        .expect("a picture");
    let buffer = sample.buffer().expect("a buffer");
    buffer.map_readable().expect("readable").to_vec()
}

/// vivid has no compressed formats; what has no pixels for DRM takes the same way.
#[test]
fn pictures_that_drm_has_no_name_for_come_whole_by_every_way() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    let caps = "video/x-bayer,format=rggb,width=640,height=360,framerate=30/1";
    let reference = bytes_of(&vivid.source(), caps);
    assert_eq!(reference.len(), 640 * 360);
    for io in ["import", "export", "mmap"] {
        let bytes = bytes_of(&format!("{} io={io}", vivid.own_source()), caps);
        assert!(bytes == reference, "{io}: {} bytes", bytes.len());
    }
}
