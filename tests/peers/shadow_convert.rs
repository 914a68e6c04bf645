//! `dmaheapconvert` between two pools of the shadow heap: the CPU makes its calls, a device needs none. See `shadow_kms`.

use dmaheap_tests::account::Account;
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::shadow::{Half, Skip};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;

const SIZE: (u32, u32) = (320, 240);
/// More than there are buffers in a pool.
const FRAMES: u64 = 12;

/// The camera, what turns its pictures upside down by `backend`, and the display, which is read outside of the shadow heap.
#[track_caller]
fn play(vivid: &Vivid, backend: &str) -> Player {
    let convert =
        format!("dmaheapconvert name=convert heap=shadow zero-copy=required backend={backend}");
    let graph = format!(
        "{} io-mode=dmabuf-import ! {} ! {convert} video-direction=vert ! video/x-raw,format=RGB16 ! \
         dmaheapkmssink name=sink driver-name=vkms heap=system zero-copy=required",
        vivid.source(),
        caps()
    );
    note(&graph);
    let player = Player::launch(&graph);
    player.play();
    let account = Account::wait(&player, "sink", "frames", FRAMES);
    assert_eq!(account.count("copies"), 0, "{account:?}");
    let account = Account::of(&player, "convert");
    assert_eq!(account.text("heap"), "shadow", "{account:?}");
    player
}

fn caps() -> String {
    let (width, height) = SIZE;
    format!("video/x-raw,format=RGB,width={width},height={height},framerate=15/1")
}

#[track_caller]
fn camera() -> (Vivid, Picture) {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    let flip = "videoflip method=vertical-flip";
    let source = format!("{} ! {} ! {flip}", vivid.source(), caps());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    assert!(!reference.is_uniform(), "a uniform picture proves nothing");
    (vivid, reference)
}

/// Whether the display shows the picture; RGB565 has 8 levels less.
#[track_caller]
fn shows(player: &Player, reference: &Picture) -> bool {
    let shown = player.snapshot().crop(vkms::centred(SIZE.0, SIZE.1));
    let difference = shown.difference(reference, &[]);
    note(format!("{difference:?}"));
    difference.is_within(8, 4.0)
}

#[test]
fn a_conversion_by_cpu_begins_and_ends() {
    let (vivid, reference) = camera();
    assert!(shows(&play(&vivid, "cpu"), &reference), "with all calls");
    for half in [Half::Begin, Half::End] {
        let _skipped = Skip::half(half);
        let player = play(&vivid, "cpu");
        assert!(!shows(&player, &reference), "nobody misses {half:?}");
    }
}

#[test]
fn a_conversion_by_a_device_needs_no_call() {
    let (vivid, reference) = camera();
    for half in [Half::Begin, Half::End] {
        let _skipped = Skip::half(half);
        assert!(shows(&play(&vivid, "m2m"), &reference), "without {half:?}");
    }
}
