//! The user closes the window: the application hears of it, and nothing stays behind. On a compositor of another house, Sway.

use std::time::{Duration, Instant};

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{Naming, XRGB8888};
use dmaheap_tests::census::Census;
use dmaheap_tests::command::Run;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::sway::Sway;
use dmaheap_tests::vivid::Vivid;

const SIZE: (u32, u32) = (320, 180);
/// From the user's wish to the error, for an emulated machine.
const TO_THE_ERROR: Duration = Duration::from_secs(5);
/// What `gst-launch-1.0` prints of the error.
const CLOSED: &str = "Output window was closed";

fn source(io_mode: &str) -> String {
    let caps = format!("{},framerate=30/1", XRGB8888.caps(Naming::Plain, SIZE));
    format!("{} io-mode={io_mode} ! {caps}", Vivid::find().source())
}

#[test]
fn a_window_that_the_user_closes_is_an_error_to_act_on_and_leaves_nothing_behind() {
    let before = Census::take();
    let sway = Sway::start(SIZE);
    for io_mode in ["dmabuf-import", "dmabuf"] {
        let sink = format!("dmaheapwaylandsink name=sink display={}", sway.display());
        let player = Player::launch(&format!("{} ! {sink}", source(io_mode)));
        player.play();
        let account = Account::wait(&player, "sink", "frames", 10);
        note(format!("{account:?}"));
        sway.wait_windows(1);
        let asked = Instant::now();
        sway.close_window();
        let failure = player.failure(asked).expect("an error on the bus");
        note(format!("{failure:?}"));
        assert!(
            failure.error.matches(gst::ResourceError::NotFound),
            "{failure:?}"
        );
        assert!(failure.text().contains(CLOSED), "{failure:?}");
        assert_eq!(failure.element, "sink");
        assert!(failure.elapsed < TO_THE_ERROR, "{failure:?}");
        player.stop();
        sway.wait_windows(0);
        before.expect_released();
        // The application may open it again.
        player.play();
        Account::wait(&player, "sink", "frames", 3);
        sway.wait_windows(1);
        drop(player);
        sway.wait_windows(0);
        before.expect_released();
    }
}

#[test]
fn a_program_whose_window_the_user_closes_ends() {
    let sway = Sway::start(SIZE);
    let run = Run::pipeline(&format!("-q {} ! dmaheapwaylandsink", source("dmabuf")));
    let running = sway.client(run).start();
    sway.wait_windows(1);
    sway.close_window();
    let outcome = running.finish().expect_failure();
    assert!(outcome.stderr.contains(CLOSED), "{}", outcome.describe());
}
