//! Cameras with the multi-planar interface: pictures in one dma-buf, and in one for each plane, are shown as they are.

use dmaheap_tests::caps::{Format, NV12, Naming, YUV420};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use gst::prelude::*;

const SIZE: (u32, u32) = (640, 360);

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
            let convert = |source: &str| Picture::by_videoconvert(source, 1, SIZE.0, SIZE.1);
            let reference = convert(&format!("{} ! {caps}", vivid.source()));
            let picture = convert(&source(&vivid, code, &caps));
            let difference = picture.difference(&reference, &[]);
            note(format!("{instance} {code}: {difference:?}"));
            assert!(difference.is_within(0, 0.0), "{code}: {difference:?}");
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
