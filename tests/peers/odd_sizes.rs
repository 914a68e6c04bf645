//! Sizes that no webcam has, from an HDMI grabber: strides differ from widths, and the picture must not lean.

use dmaheap_tests::caps::{FORMATS, Format, NV12, Naming, RGB565, XRGB8888, YUV420};
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::{note, vkms};

type Size = (u32, u32);

/// Shows every format from a grabber that scales to `size`, and compares what fits on the screen with a peer's conversion.
#[track_caller]
fn expect_upright(formats: &[Format], size: Size, io_mode: &str, factory_rest: &str) {
    let vivid = Vivid::find();
    vivid.set_dv_timings(1920, 1080);
    vivid.show(Pattern::ColorSquares, OsdText::None);
    for format in formats {
        let caps = format.caps(Naming::Plain, size);
        let what = format!("{}x{} {} {io_mode}", size.0, size.1, format.drm);
        let peer = readable_by_peers(*format, size).caps(Naming::Plain, size);
        let reference =
            Picture::by_videoconvert(&format!("{} ! {peer}", vivid.source()), 1, size.0, size.1);
        let source = format!("{} io-mode={io_mode} ! {caps}", vivid.source());
        let player = Player::launch(&format!(
            "{source} ! {factory_rest}dmaheapkmssink driver-name=vkms"
        ));
        player.play();
        player.wait_counted("dmaheapkmssink", 3);
        assert_eq!(player.stat("dmaheapkmssink", "copies"), 0, "{what}");
        let (shown, reference) = vkms::visible(&player.snapshot(), &reference);
        let difference = shown.difference(&reference, &[]);
        note(format!("{what}: {difference:?}"));
        if !difference.is_within(3, 1.0) {
            shown.keep(&format!("{what} shown"));
            reference.keep(&format!("{what} reference"));
        }
        assert!(difference.is_within(3, 1.0), "{what}: {difference:?}");
    }
}

/// In its own memory v4l2src gives no frame at all of three planes when a chroma row is no multiple of 2 bytes: it expects
/// padding that vivid does not write. NV12 has the same samples.
fn readable_by_peers(format: Format, (width, _height): Size) -> Format {
    if format == YUV420 && width % 4 != 0 {
        NV12
    } else {
        format
    }
}

#[test]
fn a_picture_of_362x242_in_the_sinks_memory_is_upright() {
    expect_upright(&FORMATS, (362, 242), "dmabuf-import", "");
}

#[test]
fn a_picture_of_362x242_in_the_cameras_memory_is_upright() {
    expect_upright(&[NV12, XRGB8888, RGB565], (362, 242), "dmabuf", "");
}

#[test]
fn a_picture_of_352x288_through_the_allocator_is_upright() {
    expect_upright(&FORMATS, (352, 288), "dmabuf-import", "dmaheapalloc ! ");
}

#[test]
fn a_picture_of_720x576_in_the_sinks_memory_is_upright() {
    expect_upright(&FORMATS, (720, 576), "dmabuf-import", "");
}

#[test]
fn a_picture_of_1366x768_in_the_sinks_memory_is_upright() {
    expect_upright(&FORMATS, (1366, 768), "dmabuf-import", "");
}

#[test]
fn a_picture_of_1366x768_in_the_cameras_memory_is_upright() {
    expect_upright(&FORMATS, (1366, 768), "dmabuf", "");
}
