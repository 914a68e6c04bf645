//! Our camera and our display with a stock encoder and decoder between them (`v4l2fwhtenc`, `v4l2fwhtdec` on `vicodec`).

use dmaheap_tests::account::Account;
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;

/// What vicodec starts with: the stock encoder keeps the length of its buffers of that size for every other.
const SIZE: (u32, u32) = (1280, 720);
const FRAMES: u64 = 10;

/// Plays through both, the decoder in that mode, and compares the picture on the display.
#[track_caller]
fn decoded(capture: &str) -> Account {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let (width, height) = SIZE;
    let caps = format!("video/x-raw,format=NV12,width={width},height={height},framerate=15/1");
    let peer = format!("{} io-mode=mmap ! {caps}", vivid.source());
    let reference = Picture::by_videoconvert(&peer, 1, width, height);
    let player = Player::launch(&format!(
        "{} name=camera zero-copy=required ! {caps} ! \
         v4l2fwhtenc output-io-mode=dmabuf-import ! v4l2fwhtdec capture-io-mode={capture} ! \
         dmaheapkmssink name=sink driver-name=vkms sync=false",
        vivid.own_source()
    ));
    player.play();
    player.wait_frames(FRAMES);
    let (shown, reference) = vkms::visible(&player.snapshot(), &reference);
    let difference = shown.difference(&reference, &[]);
    note(format!("{capture}: {difference:?}"));
    note(format!("{:?}", Account::of(&player, "camera")));
    let account = Account::of(&player, "sink");
    note(format!("{account:?}"));
    // FWHT throws small coefficients away; bars have few of them.
    if !difference.is_within(8, 2.0) {
        shown.keep(&format!("codec-{capture}-shown"));
        reference.keep(&format!("codec-{capture}-reference"));
    }
    assert!(difference.is_within(8, 2.0), "{capture}: {difference:?}");
    assert_eq!(Account::of(&player, "camera").count("copies"), 0);
    account
}

#[test]
fn exports_of_a_decoder_are_shown_as_they_are() {
    let account = decoded("dmabuf");
    assert_eq!(account.counts(["copies", "imported"]), [0, 0]);
    assert!(account.count("foreign") > 0, "{account:?}");
}

#[test]
fn a_decoder_writes_into_the_memory_of_the_display() {
    let account = decoded("dmabuf-import");
    assert_eq!(account.counts(["copies", "foreign"]), [0, 0]);
    assert!(account.count("imported") > 0, "{account:?}");
}

#[test]
fn memory_that_a_decoder_keeps_to_itself_is_copied_and_the_reason_is_named() {
    let account = decoded("mmap");
    assert!(account.count("copies") > 0, "{account:?}");
    let reasons = account.structure("copy-reasons");
    assert!(reasons.has_field("not-dma-buf"), "{reasons}");
}
