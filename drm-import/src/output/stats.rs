use std::time::Duration;

/// Counters of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputStats {
    /// Commits that the kernel accepted.
    pub commits: u64,
    /// Flips that have happened.
    pub flips: u64,
    /// Refreshes that passed without the frame that had been committed in time for them.
    pub missed: u64,
    /// Time of the last flip on `CLOCK_MONOTONIC`.
    pub last_flip: Option<Duration>,
}

/// Counts flips, and those that came late.
#[derive(Debug, Default)]
pub(super) struct Counter {
    stats: OutputStats,
    last_sequence: Option<u32>,
}

impl Counter {
    pub(super) fn stats(&self) -> OutputStats {
        self.stats
    }

    pub(super) fn committed(&mut self) {
        self.stats.commits += 1;
    }

    /// A flip at `sequence`. `was_waiting` tells that its commit was made right at the flip before, so
    /// that it had the whole refresh to come.
    pub(super) fn flipped(&mut self, sequence: u32, time: Duration, was_waiting: bool) {
        self.stats.flips += 1;
        self.stats.last_flip = Some(time);
        if let Some(last) = self.last_sequence.replace(sequence).filter(|_| was_waiting) {
            self.stats.missed += u64::from(sequence.wrapping_sub(last).saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_was_ready_and_came_late_counts_the_refreshes_it_missed() {
        let mut counter = Counter::default();
        counter.flipped(10, Duration::ZERO, true);
        counter.flipped(11, Duration::ZERO, true);
        counter.flipped(14, Duration::ZERO, true);
        assert_eq!((counter.stats().flips, counter.stats().missed), (3, 2));
    }

    #[test]
    fn a_pause_of_the_producer_is_no_miss() {
        let mut counter = Counter::default();
        counter.flipped(10, Duration::ZERO, true);
        counter.flipped(70, Duration::ZERO, false);
        assert_eq!(counter.stats().missed, 0);
    }

    #[test]
    fn the_sequence_may_wrap() {
        let mut counter = Counter::default();
        counter.flipped(u32::MAX, Duration::ZERO, true);
        counter.flipped(0, Duration::ZERO, true);
        assert_eq!(counter.stats().missed, 0);
    }
}
