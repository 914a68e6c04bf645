//! Cameras with the multi-planar interface: pictures in one dma-buf, and in one for each plane, are shown as they are.

use dmaheap_tests::caps::{Format, NV12, Naming, YUV420};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use gst::prelude::*;

const SIZE: (u32, u32) = (640, 360);
const SINK: &str = "dmaheapkmssink driver-name=vkms";

/// V4L2 has a code for each number of dma-bufs; in caps, all of a row are one format.
const CODES: [(&str, Format, usize); 4] = [
    ("NV12", NV12, 1),
    ("NM12", NV12, 2),
    ("YU12", YUV420, 1),
    ("YM12", YUV420, 3),
];

/// The code that the camera is set to is the one that is taken, where several suit.
#[track_caller]
fn source(vivid: &Vivid, code: &str, caps: &str) -> String {
    let (width, height) = SIZE;
    let format = format!("width={width},height={height},pixelformat={code}");
    vivid.v4l2_ctl(&["--set-fmt-video", &format]);
    format!(
        "{} zero-copy=required ! {caps},framerate=30/1",
        vivid.own_source()
    )
}

/// What the stock source captures.
#[track_caller]
fn reference(vivid: &Vivid, format: Format) -> Picture {
    let source = format!("{} ! {}", vivid.source(), format.caps(Naming::Plain, SIZE));
    Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1)
}

#[track_caller]
fn expect_shown(player: &Player, reference: &Picture, what: &str) {
    let shown = player.snapshot().crop(vkms::centred(SIZE.0, SIZE.1));
    let difference = shown.difference(reference, &[]);
    note(format!("{what}: {difference:?}"));
    if !difference.is_within(3, 1.0) {
        shown.keep(&format!("multiplanar-{what}-shown"));
        reference.keep(&format!("multiplanar-{what}-reference"));
    }
    assert!(difference.is_within(3, 1.0), "{what}: {difference:?}");
}

#[track_caller]
fn expect_format(player: &Player, code: &str) {
    let source = player.by_factory("dmaheapv4l2src");
    let stats = source.property::<gst::Structure>("stats");
    let format = stats.get::<String>("format").expect("a text");
    assert!(format.starts_with(&format!("{code} ")), "{stats}");
    assert_eq!(stats.get::<&str>("io"), Ok("import"), "{stats}");
    assert_eq!(stats.get::<u64>("copies"), Ok(0), "{stats}");
}

/// A stock element that reads where planes are finds all of them.
#[test]
fn pictures_in_several_dma_bufs_are_whole() {
    for instance in [0, 1] {
        let vivid = Vivid::find_instance(instance);
        vivid.show(Pattern::ColorSquares, OsdText::None);
        for (code, format, _dmabufs) in CODES {
            let caps = format.caps(Naming::Plain, SIZE);
            let reference = reference(&vivid, format);
            let source = source(&vivid, code, &caps);
            let picture = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
            let difference = picture.difference(&reference, &[]);
            note(format!("{instance} {code}: {difference:?}"));
            assert!(difference.is_within(0, 0.0), "{code}: {difference:?}");
        }
    }
}

/// vkms reads the first dma-buf only. The driver has the same picture in one: that is taken, whatever the camera was set to.
#[test]
fn a_display_that_reads_one_dma_buf_gets_pictures_in_one() {
    for instance in [0, 1] {
        let vivid = Vivid::find_instance(instance);
        vivid.show(Pattern::ColorSquares, OsdText::None);
        for (code, format, _dmabufs) in CODES {
            let reference = reference(&vivid, format);
            let source = source(&vivid, code, &format.caps(Naming::DmaDrm, SIZE));
            let player = Player::launch(&format!("{source} ! {SINK} zero-copy=required"));
            let recorder = Recorder::start();
            player.play();
            player.wait_frames(30);
            player.wait_counted("dmaheapkmssink", 3);
            expect_format(&player, format.drm);
            let trace = recorder.finish().of_process(std::process::id());
            let what = format!("{instance}-{code}");
            expect_shown(&player, &reference, &what);
            let by_index = trace.between_frames(10, trace.frames()).by_index();
            note(format!("{what}: {by_index:?}"));
            assert!(by_index.len() >= 3, "{what}: {by_index:?}");
            let mut pictures = by_index.values().flatten();
            assert!(pictures.all(|planes| planes.len() == 1), "{by_index:?}");
            trace.expect_zero_copy(10);
        }
    }
}

/// What the display would show wrong it gets as a copy, which is counted.
#[test]
fn pictures_in_several_dma_bufs_that_nobody_agreed_on_are_copied_for_such_a_display() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    for (code, format, _dmabufs) in [CODES[1], CODES[3]] {
        let reference = reference(&vivid, format);
        let source = source(&vivid, code, &format.caps(Naming::DmaDrm, SIZE));
        let silent = format!("{source} ! identity drop-allocation=true");
        let player = Player::launch(&format!("{silent} ! {SINK}"));
        player.play();
        player.wait_counted("dmaheapkmssink", 5);
        expect_shown(&player, &reference, code);
        let sink = player.by_factory("dmaheapkmssink");
        let stats = sink.property::<gst::Structure>("stats");
        let reasons = stats
            .get::<gst::Structure>("copy-reasons")
            .expect("reasons");
        assert!(
            reasons.get::<u64>("refused").expect("refused") >= 5,
            "{stats}"
        );
        drop(player);

        let strict = format!("{silent} ! {SINK} zero-copy=required");
        let text = Player::launch(&strict).play_to_failure().text();
        note(&text);
        for part in [
            "in several dma-bufs",
            "reads the first only",
            "dmaheapv4l2src io=import",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}

/// Who only holds them gets them in as many memories as the driver wants.
#[test]
fn frames_have_as_many_memories_as_the_driver_wants() {
    let vivid = Vivid::find();
    for (code, format, dmabufs) in CODES {
        let caps = format.caps(Naming::DmaDrm, SIZE);
        let player = Player::launch(&format!(
            "{} ! fakesink name=sink enable-last-sample=true",
            source(&vivid, code, &caps)
        ));
        player.play();
        player.wait_frames(10);
        expect_format(&player, code);
        let sample = player
            .element("sink")
            .property::<Option<gst::Sample>>("last-sample");
        let sample = sample.expect("a frame has come");
        let buffer = sample.buffer().expect("a buffer");
        assert_eq!(buffer.n_memory(), dmabufs, "{code}");
    }
}
