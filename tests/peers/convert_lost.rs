//! A mem2mem device that is taken away while it converts: the CPU goes on, and the application is told once.

use std::fs;
use std::path::Path;
use std::sync::mpsc;

use dmaheap_tests::account::Account;
use dmaheap_tests::census::Census;
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use gst::prelude::*;

const SIZE: (u32, u32) = (320, 240);
const DRIVER: &str = "/sys/bus/platform/drivers/vim2m";
const DEVICE: &str = "vim2m.0";

/// The device without its driver; dropped, with it again.
struct Unbound(());

impl Unbound {
    #[track_caller]
    fn new() -> Unbound {
        fs::write(Path::new(DRIVER).join("unbind"), DEVICE).expect("root may unbind");
        Unbound(())
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let bound = fs::write(Path::new(DRIVER).join("bind"), DEVICE);
        assert!(bound.is_ok() || std::thread::panicking(), "{bound:?}");
    }
}

fn caps() -> String {
    let (width, height) = SIZE;
    format!("video/x-raw,format=RGB,width={width},height={height},framerate=15/1")
}

#[track_caller]
fn play(vivid: &Vivid, properties: &str) -> Player {
    Player::launch(&format!(
        "{} name=camera ! {} ! dmaheapconvert name=convert zero-copy=required {properties} ! \
         video/x-raw,format=RGB16 ! dmaheapkmssink name=sink driver-name=vkms zero-copy=required",
        vivid.own_source(),
        caps()
    ))
}

/// Why `convert` has its frames take another way, each time that it says so.
#[track_caller]
fn reasons(player: &Player) -> mpsc::Receiver<String> {
    let (found, reasons) = mpsc::channel();
    let pipeline = player.element("convert").parent();
    let pipeline = pipeline.and_downcast::<gst::Pipeline>();
    let bus = pipeline.and_then(|it| it.bus()).expect("a pipeline's bus");
    bus.set_sync_handler(move |_bus, message| {
        let is_ours = message.src().is_some_and(|it| it.name() == "convert");
        let told = message
            .structure()
            .filter(|it| is_ours && it.name() == "dmaheap-path");
        if let Some(structure) = told {
            let reason = structure.get::<String>("reason").expect("a text");
            // The test may have stopped to listen.
            let _unheard = found.send(reason);
        }
        gst::BusSyncReply::Pass
    });
    reasons
}

#[test]
fn the_cpu_goes_on_where_a_device_is_taken_away() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    let peer = format!("{} io-mode=mmap ! {}", vivid.source(), caps());
    let reference = Picture::by_videoconvert(&peer, 1, SIZE.0, SIZE.1);
    let census = Census::take();
    let player = play(&vivid, "");
    let reasons = reasons(&player);
    player.play();
    Account::wait(&player, "convert", "converted", 10);
    let before = Account::of(&player, "convert");
    assert!(before.text("backend").contains("vim2m"), "{before:?}");
    let bound_again = Unbound::new();
    Account::wait(&player, "convert", "fallbacks", 1);
    let converted = Account::of(&player, "convert").count("converted");
    let after = Account::wait(&player, "convert", "converted", converted + 20);
    let shown = player.snapshot().crop(vkms::centred(SIZE.0, SIZE.1));
    let difference = shown.difference(&reference, &[]);
    note(format!("{difference:?}, {after:?}"));
    // 16 bits have no room for more.
    assert!(difference.is_within(8, 4.0), "{difference:?}");
    assert_eq!(after.text("backend"), "the CPU");
    assert!(
        after.text("backend-reason").contains("has failed"),
        "{after:?}"
    );
    assert_eq!(after.counts(["fallbacks", "copies"]), [1, 0], "{after:?}");
    drop(player);
    let told: Vec<_> = reasons.try_iter().filter(|why| !why.is_empty()).collect();
    let [why] = &told[..] else {
        panic!("{told:?}");
    };
    for part in ["the CPU has taken over", "vim2m", "No such device"] {
        assert!(why.contains(part), "{part} is missing in: {why}");
    }
    drop(bound_again);
    census.expect_restored("a device that was taken away");
}

#[test]
fn where_only_a_device_may_convert_its_loss_is_an_error_with_a_remedy() {
    let vivid = Vivid::find();
    let player = play(&vivid, "backend=m2m");
    player.play();
    Account::wait(&player, "convert", "converted", 5);
    let started = std::time::Instant::now();
    let _bound_again = Unbound::new();
    let failure = player.failure(started).expect("nobody converts");
    let text = failure.text();
    assert_eq!(failure.element, "convert", "{text}");
    for part in ["vim2m", "No such device", "backend=auto"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

/// The device that was there when the element opened is gone when the first frame comes.
#[test]
fn a_device_that_is_gone_before_the_first_frame_is_replaced_too() {
    let vivid = Vivid::find();
    let player = play(&vivid, "");
    player.reach(gst::State::Ready).expect("it opens");
    let _bound_again = Unbound::new();
    player.play();
    Account::wait(&player, "convert", "converted", 5);
    let account = Account::of(&player, "convert");
    assert_eq!(account.text("backend"), "the CPU", "{account:?}");
    let why = account.text("backend-reason");
    assert!(why.contains("vim2m") || why.contains("/dev/video"), "{why}");
}
