//! What a frame on a compositor costs: system calls, measured against the stock pair in the same boot, and memory.

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::census;
use dmaheap_tests::command::Run;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::CallRate;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::watched::{frame_cost, most_in_flight};
use dmaheap_tests::weston::{Renderer, Weston};

/// Small and not fast, so that an emulated compositor keeps up, and each frame is shown.
const SIZE: (u32, u32) = (320, 180);
const RATE: &str = "framerate=15/1";
const BAR: f64 = 0.8;
/// What the stock pair needs at least to show a frame, and what the camera alone costs.
const STOCK: f64 = 6.0;
const CAMERA: f64 = 3.0;
/// How many more futex calls: a lock that two threads want at once, now and then.
const WAKES: f64 = 0.5;
/// One on screen, one on its way there, one that waits.
const PINNED: u64 = 3;
/// These, one in our hands, and what the camera's driver wants to have queued.
const FRAMES_IN_FLIGHT: u64 = 7;

#[track_caller]
fn rate(weston: &Weston, io_mode: &str, sink: &str) -> CallRate {
    let (vivid, caps) = (Vivid::find(), NV12.caps(Naming::DmaDrm, SIZE));
    frame_cost(sink, |frames| {
        let source = format!("{} io-mode={io_mode} num-buffers={frames}", vivid.source());
        // Without the clock no frame is late; each late one would cost a message to the application.
        let pipeline = format!("-q {source} ! {caps},{RATE} ! {sink} sync=false");
        weston.client(Run::pipeline(&pipeline))
    })
}

/// What a busy host adds, it adds at random; three attempts tell that from a cost of the code.
#[test]
fn a_frame_costs_at_most_eight_tenths_of_the_calls_of_the_stock_pair() {
    const ATTEMPTS: usize = 3;
    let weston = Weston::start(Renderer::Gl, SIZE);
    let is_within = |_attempt| {
        let stock = rate(&weston, "dmabuf", "waylandsink");
        let ours = rate(&weston, "dmabuf-import", "dmaheapwaylandsink");
        note(format!(
            "stock {stock:?}, ours {ours:?}, ratio {:.2}",
            ours.calls / stock.calls
        ));
        // With fewer, frames are not shown: then it says nothing.
        let are_shown = stock.calls > STOCK && ours.calls > CAMERA;
        are_shown && ours.calls <= BAR * stock.calls && ours.futexes <= stock.futexes + WAKES
    };
    assert!(
        (0..ATTEMPTS).any(is_within),
        "more than {BAR} of the stock pair, or {WAKES} futex calls more, {ATTEMPTS} times"
    );
}

#[test]
fn at_most_three_frames_are_pinned_and_seven_in_flight() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let (_none, before) = census::dmabufs();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let source = format!("{} io-mode=dmabuf-import ! {caps},{RATE}", vivid.source());
    let sink = format!("dmaheapwaylandsink name=sink display={}", weston.display());
    let player = Player::launch(&format!("{source} ! {sink}"));
    player.play();
    let most = most_in_flight(&player, before);
    let frame = NV12.frame_len(SIZE).next_multiple_of(4096);
    let account = Account::wait(&player, "sink", "released", 10);
    note(format!(
        "{most} bytes in flight, {frame} for each frame, {account:?}"
    ));
    assert!(
        most >= 2 * frame,
        "{most} bytes cannot hold a frame on screen and one in the camera"
    );
    assert!(
        most <= FRAMES_IN_FLIGHT * frame,
        "{most} bytes are more than {FRAMES_IN_FLIGHT} frames of {frame}"
    );
    assert!(account.count("held-peak") <= PINNED, "{account:?}");
}
