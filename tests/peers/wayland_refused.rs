//! A compositor on a device that takes no memory of others: it offers dma-bufs and refuses every one. Pictures come as counted copies.

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{Format, NV12, Naming, XRGB8888, YUV420};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::weston::{Renderer, Weston};

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 5;

fn sink(weston: &Weston) -> String {
    format!("dmaheapwaylandsink name=sink display={}", weston.display())
}

/// Plays until frames are counted, and compares what is shown over the whole picture.
#[track_caller]
fn expect_copied(weston: &Weston, source: &str, format: Format) {
    let reference = source.replace("dmabuf-import", "mmap");
    let reference = Picture::by_videoconvert(&reference, 1, SIZE.0, SIZE.1);
    weston.wait_bare();
    let player = Player::launch(&format!("{source} ! {}", sink(weston)));
    player.play();
    let account = Account::wait(&player, "sink", "copies", FRAMES);
    note(format!("{source}: {account:?}"));
    let difference = weston.shown().difference(&reference, &[]);
    note(format!("{difference:?}"));
    // RGB comes through as it is. Two decoders of YUV round in different ways.
    let (max, mean) = if format == XRGB8888 {
        (0, 0.0)
    } else {
        (3, 1.5)
    };
    assert!(difference.is_within(max, mean), "{source}: {difference:?}");
    let reasons = account.structure("copy-reasons");
    assert!(reasons.has_field("refused"), "{account:?}");
    let least = FRAMES * format.frame_len(SIZE);
    assert!(account.count("bytes-copied") >= least, "{account:?}");
}

#[test]
fn refused_frames_are_copied_and_the_picture_is_right() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let weston = Weston::start(Renderer::Gl, SIZE);
    assert!(
        weston.version("zwp_linux_dmabuf_v1").is_some(),
        "dma-bufs are offered"
    );
    for format in [XRGB8888, NV12, YUV420] {
        let caps = format.caps(Naming::Plain, SIZE);
        let camera = |io_mode: &str| format!("{} io-mode={io_mode} ! {caps}", vivid.source());
        expect_copied(&weston, &camera("dmabuf-import"), format);
        expect_copied(&weston, &camera("dmabuf"), format);
    }
    let caps = XRGB8888.caps(Naming::Plain, SIZE);
    let drawn = format!("videotestsrc pattern=smpte75 ! {caps},framerate=10/1");
    expect_copied(&weston, &drawn, XRGB8888);
}

#[test]
fn where_copies_are_forbidden_the_refusal_is_the_error() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let caps = XRGB8888.caps(Naming::Plain, SIZE);
    for io_mode in ["dmabuf-import", "dmabuf"] {
        let source = format!("{} io-mode={io_mode} ! {caps}", vivid.source());
        let player = Player::launch(&format!("{source} ! {} zero-copy=required", sink(&weston)));
        let text = player.play_to_failure().text();
        note(&text);
        for word in [weston.display().as_str(), "XR24"] {
            assert!(text.contains(word), "`{word}` is missing in: {text}");
        }
    }
}
