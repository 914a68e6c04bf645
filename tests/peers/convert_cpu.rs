//! `dmaheapconvert` by CPU, judged by the peers `videoconvertscale`, `videocrop` and `videoflip` on the same pictures. All pairs of
//! formats are compared without a device, in `gst-plugin/tests/cpu_and_peer.rs`.

use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::raw::{last, psnr};
use gst::prelude::*;

const SIZE: (u32, u32) = (96, 64);

/// One picture of soft colours: where chroma lies between pixels is a matter of taste at hard edges.
fn source(format: &str, colorimetry: &str) -> String {
    let (width, height) = SIZE;
    format!(
        "videotestsrc num-buffers=1 pattern=gradient ! video/x-raw,format=AYUV,width={width},height={height} ! \
         videobalance hue=0.4 saturation=1.3 ! videoconvertscale dither=none ! \
         video/x-raw,format={format},width={width},height={height}{colorimetry}"
    )
}

fn color(format: &str, colorimetry: &str) -> String {
    let is_yuv = ["NV", "I4", "YV", "YU", "UY"]
        .iter()
        .any(|it| format.starts_with(it));
    if is_yuv {
        format!(",colorimetry=(string){colorimetry}")
    } else {
        String::new()
    }
}

#[track_caller]
fn compare(from: &str, to: &str, colors: [&str; 2]) -> f64 {
    let source = source(from, &color(from, colors[0]));
    let caps = format!("video/x-raw,format={to}{}", color(to, colors[1]));
    // The way through 16 bits per channel keeps the peer from its short cuts, which are off by 5 and know no ranges.
    let deep = "videoconvertscale dither=none chroma-mode=none ! video/x-raw,format=ARGB64";
    let ours = last(&format!("{source} ! dmaheapconvert backend=cpu ! {caps}"));
    let peers = last(&format!(
        "{source} ! {deep} ! videoconvertscale dither=none chroma-mode=none ! {caps}"
    ));
    psnr(&ours, &peers)
}

#[test]
fn matrix_and_range_are_honoured_on_both_sides() {
    for (from, to) in [
        ("NV12", "YUY2"),
        ("I420", "BGRx"),
        ("BGRx", "NV12"),
        ("NV12", "NV12"),
    ] {
        for colors in [
            ["bt601", "bt709"],
            ["bt709", "bt601"],
            ["1:4:0:1", "bt709"],
            ["bt709", "1:4:0:1"],
        ] {
            let psnr = compare(from, to, colors);
            note(format!("{from} to {to}, {colors:?}: {psnr:.1} dB"));
            assert!(psnr >= 45.0, "{from} to {to}, {colors:?}: {psnr:.1} dB");
        }
    }
}

#[test]
fn a_size_that_is_smaller_or_larger_looks_as_the_peers() {
    for (width, height) in [(48, 32), (192, 128), (80, 72)] {
        let source = source("BGRx", "");
        let caps = format!("video/x-raw,width={width},height={height}");
        let ours = last(&format!("{source} ! dmaheapconvert backend=cpu ! {caps}"));
        let peers = last(&format!(
            "{source} ! videoconvertscale method=bilinear add-borders=false ! {caps}"
        ));
        let psnr = psnr(&ours, &peers);
        note(format!("{width}x{height}: {psnr:.1} dB"));
        assert!(psnr >= 40.0, "{width}x{height}: {psnr:.1} dB");
    }
}

#[test]
fn turned_and_cropped_is_as_the_peers_do_it() {
    for direction in [
        "identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll",
    ] {
        let source = source("BGRx", "");
        let ours = last(&format!(
            "{source} ! dmaheapconvert backend=cpu video-direction={direction} top=8 left=16 right=2"
        ));
        let peers = last(&format!(
            "{source} ! videocrop top=8 left=16 right=2 ! videoflip video-direction={direction}"
        ));
        assert!(ours == peers, "{direction}: {:.1} dB", psnr(&ours, &peers));
    }
}

#[test]
fn a_wish_that_changes_while_frames_flow_is_followed() {
    let player = Player::launch(
        "videotestsrc is-live=true ! video/x-raw,format=BGRx,width=64,height=48,framerate=20/1 ! \
         dmaheapconvert backend=cpu name=convert ! fakesink sync=true",
    );
    player.play();
    player.wait_frames(3);
    let convert = player.element("convert");
    convert.set_property_from_str("video-direction", "90r");
    player.wait_caps((48, 64));
    convert.set_property_from_str("video-direction", "horiz");
    player.wait_caps((64, 48));
    player.wait_frames(3);
    let before = player.stat("dmaheapconvert", "converted");
    convert.set_property_from_str("video-direction", "vert");
    player.wait_frames(3);
    assert!(player.stat("dmaheapconvert", "converted") > before);
    convert.set_property_from_str("video-direction", "identity");
    player.wait_frames(5);
    let backend = convert
        .property::<gst::Structure>("stats")
        .get::<String>("backend");
    assert_eq!(backend.as_deref(), Ok("none"), "nothing is to do again");
}
