//! A camera that wants physically contiguous memory: the right heap serves it, the wrong one is a clear error.

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::census::{self, SETTLE};
use dmaheap_tests::command::Run;
use dmaheap_tests::failing::{self, Environment};
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::{note, vkms, wait};

const SIZE: (u32, u32) = (640, 360);

fn pipeline(vivid: &Vivid, rest: &str) -> String {
    format!(
        "{} io-mode=dmabuf-import ! {} ! {rest}",
        vivid.source(),
        NV12.caps(Naming::DmaDrm, SIZE)
    )
}

#[test]
fn a_camera_that_needs_contiguous_memory_plays_from_the_contiguous_heap() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Red, OsdText::None);
    let rest =
        "dmaheapalloc heap=default_cma_region zero-copy=required ! dmaheapkmssink driver-name=vkms";
    let player = Player::launch(&pipeline(&vivid, rest));
    player.play();
    player.wait_counted("dmaheapkmssink", 10);
    assert_eq!(
        player.stats("dmaheapalloc", ["copies", "foreign"]),
        [0, 0],
        "copies and foreign frames"
    );
    let shown = player.snapshot().crop(vkms::centred(SIZE.0, SIZE.1));
    assert!(
        shown.is_uniform() && shown.pixel(0, 0)[0] > 230,
        "{:?}",
        shown.pixel(0, 0)
    );
}

#[test]
fn a_heap_that_the_camera_cannot_take_is_named_with_the_device_and_a_remedy() {
    let vivid = Vivid::find();
    let before = census::dmabufs();
    for rest in [
        "dmaheapalloc heap=system ! dmaheapkmssink driver-name=vkms",
        "dmaheapalloc heap=system ! fakesink",
    ] {
        let pipeline = pipeline(&vivid, rest);
        let account = failing::play_to_error(&pipeline, Environment::AsItIs)
            .unwrap_or_else(|why| panic!("{why}"));
        note(format!("{account:?}"));
        for name in ["/dev/video0", "system", "contiguous", "default_cma_region"] {
            assert!(
                account.text.contains(name),
                "{name} is missing in {}",
                account.text
            );
        }
        assert_eq!(account.domain, "gst-resource-error-quark");
        assert!(account.milliseconds <= 5000, "{} ms", account.milliseconds);
        Run::pipeline(&pipeline).finish().expect_failure();
        let freed = wait::until(SETTLE, || (census::dmabufs() <= before).then_some(()));
        assert!(freed.is_some(), "{before:?} → {:?}", census::dmabufs());
    }
}
