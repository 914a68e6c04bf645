//! Pipelines under trace: what they did, and what a frame of theirs costs.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::command::Run;
use crate::player::Player;
use crate::trace::{CallRate, Recorder, Trace};
use crate::{census, note};

/// Frames of a program.
const LONG: u32 = 260;

/// Frames of a [playing](play) pipeline: enough for a steady state from frame 50 to 250.
pub const FRAMES: u64 = 260;

/// What a run may take: ten times what its frames take at 30 a second.
const LIMIT: Duration = Duration::from_mins(2);

/// Plays for [`FRAMES`] frames under trace of the whole machine; `look` then reads the elements' own accounts.
#[track_caller]
pub fn play<T>(description: &str, look: impl FnOnce(&Player) -> T) -> (Trace, T) {
    let player = Player::launch(description);
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(FRAMES);
    let seen = look(&player);
    drop(player);
    (recorder.finish(), seen)
}

/// What this process did.
#[must_use]
pub fn own(trace: &Trace) -> Trace {
    trace.of_process(std::process::id())
}

/// Panics if this process maps any of these dma-bufs while frames flow.
#[track_caller]
pub fn expect_unmapped(trace: &Trace, dmabufs: &BTreeSet<u64>) {
    let mapped = own(&trace.between_frames(1, 250)).mapped();
    assert!(mapped.is_disjoint(dmabufs), "{mapped:?} were mapped");
}

/// What a frame costs a program in the steady state; `run` makes it for so many frames.
#[track_caller]
pub fn frame_cost(name: &str, run: impl Fn(u32) -> Run) -> CallRate {
    let (_outcome, trace) = Recorder::record(run(LONG).limit(LIMIT));
    let steady = trace.between_frames(50, 250);
    for thread in steady.threads() {
        let calls = steady.of_thread(&thread).calls();
        note(format!("{name}, {thread}: of 200 frames {calls:?}"));
    }
    CallRate::typical(&steady)
}

/// The most bytes of dma-bufs on the machine beyond `before`, looked at while 100 frames come.
#[track_caller]
pub fn most_in_flight(player: &Player, before: u64) -> u64 {
    let look = |_look| {
        player.wait_frames(5);
        census::dmabufs().1.saturating_sub(before)
    };
    (0..20).map(look).max().unwrap_or(0)
}
