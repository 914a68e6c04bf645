//! When a frame was taken, and which were lost.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::sync::lock;

/// A frame that is older was taken by another clock than its driver says.
const OLDEST: Duration = Duration::from_secs(10);

/// Now, on `CLOCK_MONOTONIC`.
pub(super) fn now() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(now.tv_nsec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(nanos)
}

/// What another clock says, and `CLOCK_MONOTONIC` at the same moment. A thread that is put aside between the two would take a
/// frame for older than it is; so both are read again until there was hardly any time for that.
pub(super) fn same_moment(read: impl Fn() -> Duration) -> (Duration, Duration) {
    const ATTEMPTS: usize = 4;
    const CLOSE: Duration = Duration::from_micros(50);
    let mut best = None;
    for _attempt in 0..ATTEMPTS {
        let before = now();
        let other = read();
        let width = now().saturating_sub(before);
        if best.is_none_or(|(closest, _pair)| width < closest) {
            best = Some((width, (other, before + width / 2)));
        }
        if width <= CLOSE {
            break;
        }
    }
    best.map_or_else(|| (read(), now()), |(_width, pair)| pair)
}

/// How long ago a frame was taken that its driver stamped with `taken`; `usual` if that cannot be.
pub(super) fn age(taken: Duration, now: Duration, usual: Duration) -> Duration {
    match now.checked_sub(taken) {
        Some(age) if age <= OLDEST => age,
        _ => usual,
    }
}

/// Counts the frames of a driver by their numbers.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    last: Mutex<Option<u32>>,
    lost: AtomicU64,
}

impl Sequence {
    /// Notes the number of a frame; how many are missing before it.
    pub(super) fn note(&self, number: u32) -> u32 {
        let last = lock(&self.last).replace(number);
        let step = last.map_or(1, |last| number.wrapping_sub(last));
        // Backwards: the queue was started anew, or the driver counts as it likes.
        let missing = if (1..=u32::MAX / 2).contains(&step) {
            step - 1
        } else {
            0
        };
        self.lost.fetch_add(missing.into(), Ordering::Relaxed);
        missing
    }

    /// The queue begins anew, or frames were left on purpose.
    pub(super) fn restart(&self) {
        *lock(&self.last) = None;
    }

    /// How many frames were lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_lost_frames() {
        let sequence = Sequence::default();
        let missing = [3, 4, 7, u32::MAX, 0, 1].map(|number| sequence.note(number));
        assert_eq!(missing, [0, 0, 2, 0, 0, 0]);
        assert_eq!(sequence.lost(), 2);
        sequence.restart();
        assert_eq!(sequence.note(100), 0);
    }

    #[test]
    fn a_thread_that_was_put_aside_reads_again() {
        let reads = std::cell::Cell::new(0);
        let (other, monotonic) = same_moment(|| {
            let read = now();
            if reads.replace(reads.get() + 1) == 0 {
                std::thread::sleep(Duration::from_millis(20));
            }
            read
        });
        let apart = other.abs_diff(monotonic);
        assert!(apart < Duration::from_millis(9), "{apart:?}");
        assert!(reads.get() >= 2);
    }

    #[test]
    fn a_stamp_of_another_clock_is_not_believed() {
        let second = Duration::from_secs;
        let usual = Duration::from_millis(33);
        assert_eq!(age(second(99), second(100), usual), second(1));
        assert_eq!(age(second(101), second(100), usual), usual);
        assert_eq!(age(second(1), second(100), usual), usual);
    }
}
