//! What a frame costs in system calls.

use std::collections::BTreeMap;

use super::{Action, Trace};

/// System calls for each frame, with futexes apart: those depend on the scheduler, the rest on the code.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CallRate {
    /// All calls but futex.
    pub calls: f64,
    /// Futex calls.
    pub futexes: f64,
}

impl CallRate {
    /// The calls of a long run without those of a short one, for each frame that the long run had more.
    #[track_caller]
    pub fn between(short: &Trace, long: &Trace) -> CallRate {
        CallRate::for_frames(short, long, further_frames(short, long))
    }

    /// The same for each thread that the long run has, by its name; the frames are those of all threads.
    #[track_caller]
    pub fn by_thread(short: &Trace, long: &Trace) -> BTreeMap<String, CallRate> {
        let frames = further_frames(short, long);
        let rate = |name: String| {
            let rate =
                CallRate::for_frames(&short.of_thread(&name), &long.of_thread(&name), frames);
            (name, rate)
        };
        long.threads().into_iter().map(rate).collect()
    }

    fn for_frames(short: &Trace, long: &Trace, frames: usize) -> CallRate {
        let count = |trace: &Trace, futex| {
            let calls = trace.events.iter().filter_map(|event| match &event.action {
                Action::Call(call) => Some(call.is_futex()),
                _ => None,
            });
            calls.filter(|&is_futex| is_futex == futex).count()
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts of one run are far below 2^53"
        )]
        let rate = |futex| (count(long, futex) as f64 - count(short, futex) as f64) / frames as f64;
        CallRate {
            calls: rate(false),
            futexes: rate(true),
        }
    }
}

#[track_caller]
fn further_frames(short: &Trace, long: &Trace) -> usize {
    let (short, long) = (short.frames(), long.frames());
    assert!(long > short, "{long} frames are not more than {short}");
    long - short
}
