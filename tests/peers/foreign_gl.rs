//! OpenGL between camera and display: a peer that reads the frames as textures and gives back what it made of them.
#![expect(
    unsafe_code,
    reason = "GStreamer takes its choice of a window system from the environment"
)]

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{Naming, XRGB8888};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 5;
/// To another order of channels and back, so that something is drawn.
const GL: &str = "glupload ! glcolorconvert ! video/x-raw(memory:GLMemory),format=RGBA \
                  ! glcolorconvert ! gldownload ! video/x-raw,format=BGRx";

/// llvmpipe draws without a window.
fn without_a_window() {
    for (name, value) in [("GST_GL_PLATFORM", "egl"), ("GST_GL_WINDOW", "surfaceless")] {
        // SAFETY: this is the only test of the program, and no thread that reads the environment has been started.
        unsafe { std::env::set_var(name, value) };
    }
}

#[test]
fn what_gl_makes_of_a_frame_is_shown() {
    without_a_window();
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    let caps = format!("{},framerate=25/1", XRGB8888.caps(Naming::Plain, SIZE));
    let source = format!("{} ! {caps}", vivid.source());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let stock = vivid.source();
    for (what, camera) in [
        ("exported", format!("{stock} io-mode=dmabuf ! {caps}")),
        (
            "imported",
            format!("{stock} io-mode=dmabuf-import ! {caps} ! dmaheapalloc zero-copy=required"),
        ),
        (
            "our own source",
            format!("{} zero-copy=required ! {caps}", vivid.own_source()),
        ),
    ] {
        let graph = format!("{camera} ! {GL} ! dmaheapkmssink name=sink driver-name=vkms");
        let player = Player::launch(&graph);
        player.play();
        let account = Account::wait(&player, "sink", "copies", FRAMES);
        let screen = player.snapshot();
        drop(player);
        // gldownload has memory of its own, whatever pool it is offered. A frame may be on its way.
        let [frames, copies] = account.counts(["frames", "copies"]);
        assert!((copies..=copies + 1).contains(&frames), "{account:?}");
        let place = vkms::centred(SIZE.0, SIZE.1);
        assert!(screen.is_black_outside(place), "beside the picture");
        let difference = screen.crop(place).difference(&reference, &[]);
        note(format!("{what}: {difference:?}"));
        assert!(difference.is_within(1, 0.5), "{what}: {difference:?}");
    }
}
