//! What a frame costs in system calls.

use std::collections::BTreeMap;

use super::{Action, Event, Trace};

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

    /// The calls from one frame of `trace` to the next: the mean without the tenth of the frames with the most and the tenth with
    /// the fewest.
    ///
    /// A machine that stood still does what belongs to several frames at once, which says nothing of what one costs.
    #[must_use]
    #[track_caller]
    pub fn typical(trace: &Trace) -> CallRate {
        let frames = trace
            .events
            .split(|event| event.action == Action::Frame)
            .collect::<Vec<_>>();
        // What comes before the first frame and after the last belongs to none.
        let frames = frames.get(1..frames.len() - 1).unwrap_or_default();
        assert!(frames.len() >= 10, "{} frames are too few", frames.len());
        let rate = |futex| {
            let mut counts: Vec<usize> = frames.iter().map(|it| count(it, futex)).collect();
            counts.sort_unstable();
            let cut = counts.len() / 10;
            let usual = &counts[cut..counts.len() - cut];
            mean(usual.iter().sum(), usual.len())
        };
        CallRate {
            calls: rate(false),
            futexes: rate(true),
        }
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
        let all = |trace: &Trace, futex| mean(count(&trace.events, futex), frames);
        let rate = |futex| all(long, futex) - all(short, futex);
        CallRate {
            calls: rate(false),
            futexes: rate(true),
        }
    }
}

/// The calls in there that are futex calls, or those that are none.
fn count(events: &[Event], futex: bool) -> usize {
    let calls = events.iter().filter_map(|event| match &event.action {
        Action::Call(call) => Some(call.is_futex()),
        _ => None,
    });
    calls.filter(|&is_futex| is_futex == futex).count()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of one run are far below 2^53"
)]
fn mean(sum: usize, count: usize) -> f64 {
    sum as f64 / count as f64
}

#[track_caller]
fn further_frames(short: &Trace, long: &Trace) -> usize {
    let (short, long) = (short.frames(), long.frames());
    assert!(long > short, "{long} frames are not more than {short}");
    long - short
}

#[cfg(test)]
mod tests {
    use super::super::{Action, Event, Syscall, Trace};
    use super::CallRate;

    fn event(action: Action) -> Event {
        Event {
            process: 1,
            thread: "camera:src".to_owned(),
            action,
        }
    }

    /// Frames after each of which so many calls were made.
    fn trace(calls: &[usize]) -> Trace {
        let mut events = Vec::new();
        for &count in calls {
            events.push(event(Action::Frame));
            events.extend((0..count).map(|_| event(Action::Call(Syscall::new(0, 0)))));
        }
        events.push(event(Action::Frame));
        Trace { events }
    }

    #[test]
    fn what_a_stall_piles_up_is_no_cost_of_a_frame() {
        let mut calls = [3; 20];
        (calls[4], calls[5]) = (0, 40);
        let costs = |calls: f64| CallRate {
            calls,
            futexes: 0.0,
        };
        assert_eq!(CallRate::typical(&trace(&calls)), costs(3.0));
        calls.fill(4);
        assert_eq!(CallRate::typical(&trace(&calls)), costs(4.0));
    }
}
