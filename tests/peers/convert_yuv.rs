//! `dmaheapconvert` has a mem2mem device make YUV of the RGB of a camera: every byte is near what the peers make of it.

use dmaheap_tests::account::Account;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::raw;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use gst::prelude::*;

const SIZE: (u32, u32) = (320, 240);

fn caps(format: &str) -> String {
    let (width, height) = SIZE;
    format!("video/x-raw,format={format},width={width},height={height},framerate=15/1")
}

/// What `videoconvert` makes of a picture of the camera, once `videoflip` has turned it.
#[track_caller]
fn by_peer(vivid: &Vivid, from: &str, to: &str, direction: &str) -> Vec<u8> {
    let convert = "videoconvert dither=none chroma-mode=none";
    // videoflip has no format of 16 bits.
    raw::last(&format!(
        "{} io-mode=mmap num-buffers=2 ! {} ! {convert} ! video/x-raw,format=RGB ! \
         videoflip video-direction={direction} ! {convert} ! video/x-raw,format={to},colorimetry=bt601",
        vivid.source(),
        caps(from)
    ))
}

/// The same by the element.
#[track_caller]
fn by_device(vivid: &Vivid, from: &str, to: &str, direction: &str) -> Vec<u8> {
    let player = Player::launch(&format!(
        "{} zero-copy=required ! {} ! \
         dmaheapconvert name=convert backend=m2m video-direction={direction} zero-copy=required ! \
         video/x-raw,format={to} ! fakesink name=end",
        vivid.own_source(),
        caps(from)
    ));
    player.play();
    player.wait_frames(5);
    let sample = player.element("end").property("last-sample");
    let sample: Option<gst::Sample> = sample;
    let bytes = raw::bytes(&sample.expect("a picture"));
    let account = Account::of(&player, "convert");
    assert!(account.text("backend").contains("vim2m"), "{account:?}");
    assert_eq!(account.counts(["copies", "sync-ioctls"]), [0, 0]);
    bytes
}

#[test]
fn a_device_makes_the_yuv_that_a_peer_makes() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::None);
    // RGB is cut off at other places; of RGB565 vim2m fills the low bits with ones, where the peer repeats the high ones.
    for (from, tolerance) in [("RGB", 2), ("BGR", 2), ("RGB16", 8)] {
        for direction in ["identity", "horiz", "vert", "180"] {
            let peers = by_peer(&vivid, from, "YUY2", direction);
            let ours = by_device(&vivid, from, "YUY2", direction);
            let worst = raw::worst(&ours, &peers);
            note(format!("{from} to YUY2, {direction}: {worst}"));
            assert!(worst <= tolerance, "{from}, {direction}: off by {worst}");
        }
    }
}
