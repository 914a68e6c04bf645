//! Caps say what the camera makes: the shape of its pixels and what they stand for, as the driver has it.

use std::collections::BTreeSet;
use std::path::Path;

use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::v4l2_queue::{by_peer, expect_equal, still};
use dmaheap_tests::vivid::Vivid;
use gst::prelude::*;

const NV12: &str = "video/x-raw,format=NV12,width=640,height=360,framerate=30/1";

/// Vivid's inputs.
const WEBCAM: u32 = 0;
const TELEVISION: u32 = 1;

/// What a source delivers first: its caps and its bytes.
#[track_caller]
fn first_frame(source: &str, caps: &str) -> (gst::Structure, Vec<u8>) {
    let player = Player::launch(&format!("{source} ! {caps} ! appsink name=sink sync=false"));
    player.play();
    let sample = player
        .element("sink")
        .emit_by_name::<Option<gst::Sample>>("try-pull-sample", &[&20_000_000_000_u64])
        .expect("a frame");
    let structure = sample.caps().and_then(|caps| caps.structure(0));
    let buffer = sample.buffer().expect("a buffer");
    let bytes = buffer.map_readable().expect("readable").to_vec();
    (structure.expect("caps").to_owned(), bytes)
}

/// Back to the webcam, whatever happens.
struct Input<'a>(&'a Vivid);

impl Input<'_> {
    #[track_caller]
    fn select(&self, input: u32) {
        self.0.v4l2_ctl(&["--set-input", &input.to_string()]);
    }

    #[track_caller]
    fn standard(&self, name: &str) {
        self.0.v4l2_ctl(&["--set-standard", name]);
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        self.select(TELEVISION);
        self.standard("pal");
        self.select(WEBCAM);
    }
}

/// The stock source hands on what V4L2 has, which is height to width; caps mean width to height.
#[test]
fn pixels_have_the_shape_of_the_standard() {
    let vivid = Vivid::find();
    let input = Input(&vivid);
    let sources = [vivid.own_source(), vivid.source()];
    let shapes = |caps: &str| {
        let caps = format!("video/x-raw,format=NV12,{caps}");
        sources.clone().map(|source| {
            let (structure, _bytes) = first_frame(&source, &caps);
            note(format!("{source}: {structure}"));
            let shape = structure.get::<gst::Fraction>("pixel-aspect-ratio");
            let shape = shape.expect("a shape");
            (shape.numer(), shape.denom())
        })
    };
    assert_eq!(shapes("width=640,height=360"), [(1, 1); 2]);
    input.select(TELEVISION);
    for (standard, height, shape) in [("pal", 576, (54, 59)), ("ntsc", 480, (11, 10))] {
        input.standard(standard);
        let caps = format!("width=720,height={height}");
        let (height, width) = shape;
        assert_eq!(shapes(&caps), [(width, height), shape], "{standard}");
    }
}

/// The colours that vivid makes are those that its driver says, and a peer reads the same bytes.
#[test]
fn colours_that_downstream_asks_for_are_set_where_the_driver_converts() {
    let vivid = still(0);
    let mut pictures = BTreeSet::new();
    for (colorimetry, words) in [
        ("1:3:5:1", ["Rec. 709", "Full Range"]),
        ("bt601", ["SMPTE 170M", "Limited Range"]),
        ("2:6:5:7", ["BT.2020", "Limited Range"]),
    ] {
        let caps = format!("{NV12},colorimetry=(string){colorimetry}");
        let (structure, bytes) = first_frame(&vivid.own_source(), &caps);
        let told = structure.get::<String>("colorimetry");
        assert_eq!(told.as_deref(), Ok(colorimetry), "{structure}");
        let set = vivid.v4l2_ctl(&["--get-fmt-video"]);
        for word in words {
            assert!(set.contains(word), "{word} is missing in {set}");
        }
        expect_equal(&bytes, &by_peer(Path::new(&vivid.node())), colorimetry);
        pictures.insert(bytes);
    }
    vivid.reset_colors();
    assert_eq!(pictures.len(), 3, "each in numbers of its own");
}

/// vivid is a source that keeps the colours which somebody has asked for: they are what it sends.
#[test]
fn colours_of_a_program_before_are_told_if_the_camera_keeps_them() {
    let vivid = still(0);
    let left =
        "width=640,height=360,pixelformat=NV12,colorspace=bt2020,ycbcr=709,quantization=full-range";
    vivid.v4l2_ctl(&["--set-fmt-video", left]);
    let (structure, bytes) = first_frame(&vivid.own_source(), NV12);
    let told = structure.get::<String>("colorimetry");
    let peers = by_peer(Path::new(&vivid.node()));
    vivid.reset_colors();
    assert_eq!(told.as_deref(), Ok("1:3:5:7"), "{structure}");
    expect_equal(&bytes, &peers, "as it was left");
    let (structure, _bytes) = first_frame(&vivid.own_source(), NV12);
    let told = structure.get::<String>("colorimetry");
    assert_ne!(told.as_deref(), Ok("1:3:5:7"), "{structure}");
}

#[test]
fn colours_that_the_driver_does_not_make_are_an_error_with_those_it_makes() {
    let vivid = Vivid::find();
    // The primaries of film, and a logarithm.
    let player = Player::launch(&format!(
        "{} ! {NV12},colorimetry=(string)2:4:9:6 ! fakesink",
        vivid.own_source()
    ));
    let failure = player.play_to_failure();
    let text = failure.text();
    note(&text);
    assert!(failure.error.matches(gst::StreamError::Format), "{text}");
    for part in [
        vivid.node().as_str(),
        "makes nothing that downstream takes",
        "NV12 640x360",
        "colorimetry=2:4:7:1",
        "2:4:9:6",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}
