//! libcamera brings dma-bufs of its own: the display reads them where they lie.

use dmaheap_tests::account::Account;
use dmaheap_tests::note;
use dmaheap_tests::picture::{Picture, Rect};
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vkms;

const SIZE: (u32, u32) = (320, 240);
/// The pipeline of this camera converts by CPU in the kernel: a frame takes most of a second.
const FRAMES: u64 = 8;
const SOURCE: &str = "libcamerasrc ! video/x-raw,format=RGB,width=320,height=240";
const SINK: &str = "dmaheapkmssink name=sink driver-name=vkms zero-copy=required";
/// Where the sensor writes time and settings over its picture.
const TEXT: Rect = Rect {
    x: 0,
    y: 0,
    width: SIZE.0,
    height: 80,
};

#[test]
fn frames_of_libcamera_are_shown_where_they_lie() {
    for between in ["", "dmaheapalloc zero-copy=required !"] {
        let player = Player::launch(&format!("{SOURCE} ! {between} {SINK}"));
        let recorder = Recorder::start();
        player.play();
        let account = Account::wait(&player, "sink", "foreign", FRAMES);
        let trace = recorder.finish().of_process(std::process::id());
        let screen = player.snapshot();
        drop(player);
        let [copies, allocations] = account.counts(["copies", "allocations"]);
        assert_eq!((copies, allocations), (0, 0), "{account:?}");
        let (exported, imported) = (trace.exported(), trace.imported());
        note(format!("exported {exported:?}, imported {imported:?}"));
        assert!(
            !imported.is_empty() && imported.is_subset(&exported),
            "exported {exported:?}, imported {imported:?}"
        );
        let mapped = trace.mapped();
        assert!(mapped.is_disjoint(&imported), "{mapped:?} were mapped");

        let reference = Picture::by_videoconvert(SOURCE, 1, SIZE.0, SIZE.1);
        let place = vkms::centred(SIZE.0, SIZE.1);
        assert!(screen.is_black_outside(place), "beside the picture");
        let shown = screen.crop(place);
        shown.keep("libcamera-shown");
        reference.keep("libcamera-reference");
        assert!(!reference.is_uniform(), "a uniform picture proves nothing");
        let difference = shown.difference(&reference, &[TEXT]);
        assert!(difference.is_within(0, 0.0), "{difference:?}");
    }
}
