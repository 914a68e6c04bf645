//! How long frames take to the screen.
//!
//! A sink hands a frame over and learns later, on another thread, when it appeared. Displays that name the frames name
//! one that was just handed over, too, maybe before its number is known here. The others show frames in the order in
//! which they were handed over, so a queue of departures is enough to match the two.

use std::collections::VecDeque;
use std::time::Duration;

use super::presenter::Ticket;

/// How many of the newest frames the figures describe.
const WINDOW: usize = 1024;

/// When a frame was handed over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Departure {
    /// On the clock of the flip events (`CLOCK_MONOTONIC`).
    pub(crate) at: Duration,
    /// Whether it is a frame of the stream, and no stand-in for one that was shown before.
    pub(crate) is_new: bool,
    /// How far the pipeline's running time was beyond the frame's own by then; `None` without clock or timestamp.
    pub(crate) age: Option<Duration>,
}

/// The last frames on their way, and how long those before them took.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    under_way: VecDeque<(Ticket, Departure)>,
    waits: Samples,
    ages: Samples,
    flips: VecDeque<Duration>,
    shown: u64,
}

impl Timing {
    /// A frame is about to be handed over.
    pub(crate) fn departed(&mut self, departure: Departure) {
        self.under_way.push_back((None, departure));
    }

    /// The last frame was taken under this number.
    pub(crate) fn taken(&mut self, ticket: Ticket) {
        if let Some((last, _)) = self.under_way.back_mut() {
            *last = ticket;
        }
    }

    /// The last frame was not taken after all.
    pub(crate) fn returned(&mut self) {
        self.under_way.pop_back();
    }

    /// A frame appeared on the screen at `time`.
    pub(crate) fn appeared(&mut self, ticket: Ticket, time: Duration) {
        if self.flips.len() == WINDOW {
            self.flips.pop_front();
        }
        self.flips.push_back(time);
        let departure = self.leave(ticket);
        let Some(departure) = departure.filter(|departure| departure.is_new) else {
            return;
        };
        self.shown += 1;
        let wait = time.saturating_sub(departure.at);
        self.waits.push(wait);
        if let Some(age) = departure.age {
            self.ages.push(age + wait);
        }
    }

    /// A frame will never appear.
    pub(crate) fn vanished(&mut self, ticket: Ticket) {
        self.leave(ticket);
    }

    /// The stream pauses: the next interval says nothing about the frame rate.
    pub(crate) fn paused(&mut self) {
        self.flips.clear();
    }

    /// The screen was cleared: frames under way will not appear.
    pub(crate) fn cleared(&mut self) {
        self.under_way.clear();
        self.flips.clear();
    }

    /// Takes a frame out of those under way: the one of this number, or the oldest without.
    fn leave(&mut self, ticket: Ticket) -> Option<Departure> {
        let of = |wanted: Ticket| self.under_way.iter().position(|(it, _)| *it == wanted);
        let index = of(ticket).or_else(|| of(None))?;
        self.under_way.remove(index).map(|(_, departure)| departure)
    }

    /// How many frames appeared.
    pub(crate) fn shown(&self) -> u64 {
        self.shown
    }

    /// Time from the hand-over to the screen.
    pub(crate) fn wait(&self) -> Percentiles {
        self.waits.percentiles()
    }

    /// Time from the frame's running time (for a live source: its capture) to the screen.
    pub(crate) fn age(&self) -> Percentiles {
        self.ages.percentiles()
    }

    /// Frames per second over the newest frames; 0 before the second one.
    pub(crate) fn frames_per_second(&self) -> f64 {
        let (Some(first), Some(last)) = (self.flips.front(), self.flips.back()) else {
            return 0.0;
        };
        let elapsed = last.saturating_sub(*first).as_secs_f64();
        let intervals = u32::try_from(self.flips.len() - 1).unwrap_or(u32::MAX);
        if elapsed > 0.0 {
            f64::from(intervals) / elapsed
        } else {
            0.0
        }
    }
}

/// Three percentiles of a set of durations; zero when there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Percentiles {
    pub(crate) p50: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
}

/// The newest durations, oldest overwritten first.
#[derive(Debug, Default)]
struct Samples {
    values: Vec<Duration>,
    next: usize,
}

impl Samples {
    fn push(&mut self, value: Duration) {
        if self.values.len() < WINDOW {
            self.values.push(value);
        } else {
            self.values[self.next] = value;
        }
        self.next = (self.next + 1) % WINDOW;
    }

    fn percentiles(&self) -> Percentiles {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted
                .get(rank.saturating_sub(1))
                .copied()
                .unwrap_or_default()
        };
        Percentiles {
            p50: at(50),
            p95: at(95),
            p99: at(99),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let mut timing = Timing::default();
        for n in 1..=100 {
            timing.departed(Departure {
                at: ms(1000),
                age: Some(ms(7)),
                is_new: true,
            });
            timing.appeared(None, ms(1000 + n));
        }
        assert_eq!(
            timing.wait(),
            Percentiles {
                p50: ms(50),
                p95: ms(95),
                p99: ms(99)
            }
        );
        assert_eq!(timing.age().p50, ms(57));
    }

    #[test]
    fn nothing_shown_is_zero_not_a_panic() {
        let timing = Timing::default();
        assert_eq!(timing.wait(), Percentiles::default());
        assert!(timing.frames_per_second().abs() < f64::EPSILON);
    }

    #[test]
    fn frame_rate_comes_from_the_flips() {
        let mut timing = Timing::default();
        for n in 0..=60 {
            timing.appeared(None, ms(n * 20));
        }
        assert!((timing.frames_per_second() - 50.0).abs() < 0.001);
    }

    #[test]
    fn stand_in_is_no_frame_shown() {
        let mut timing = Timing::default();
        for is_new in [true, false, true] {
            timing.departed(Departure {
                at: ms(0),
                age: None,
                is_new,
            });
            timing.appeared(None, ms(16));
        }
        assert_eq!(timing.shown(), 2);
    }

    #[test]
    fn refused_frame_is_not_waited_for() {
        let mut timing = Timing::default();
        timing.departed(Departure {
            at: ms(0),
            age: None,
            is_new: true,
        });
        timing.departed(Departure {
            at: ms(10),
            age: None,
            is_new: true,
        });
        timing.returned();
        timing.appeared(None, ms(16));
        assert_eq!(timing.wait().p50, ms(16));
        assert!(timing.under_way.is_empty());
    }

    #[test]
    fn named_frames_may_vanish_or_appear_in_any_order() {
        let mut timing = Timing::default();
        for number in 1..=3 {
            timing.departed(Departure {
                at: ms(number * 10),
                age: None,
                is_new: true,
            });
            // The third is seen before its number is known.
            if number < 3 {
                timing.taken(Some(number));
            }
        }
        timing.vanished(Some(2));
        timing.appeared(Some(3), ms(35));
        timing.appeared(Some(1), ms(40));
        assert_eq!(timing.shown(), 2);
        assert_eq!(timing.wait().p99, ms(30));
        assert!(timing.under_way.is_empty());
    }

    #[test]
    fn old_frames_leave_the_window() {
        let mut samples = Samples::default();
        for _ in 0..WINDOW {
            samples.push(ms(1000));
        }
        for _ in 0..WINDOW {
            samples.push(ms(1));
        }
        assert_eq!(samples.percentiles().p99, ms(1));
    }
}
