//! Waiting out a moment's shortage of buffers.
//!
//! A camera takes its next buffer before it hands over the frame it has. When frames wait for the display just then, every
//! buffer is out for the blink until a flip gives one back. A pool that makes one more each time ends up larger than the
//! pipeline needs, and goes on allocating and importing long after the start. So the pool waits, but not for ever: who
//! holds more frames than anybody said must get more buffers in the end.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::sync::{lock, wait_in_slices};

/// Several refreshes of any display, also of one that comes late.
const LONGEST: Duration = Duration::from_millis(250);

/// How many buffers are out, and who waits for one.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    counts: Mutex<Counts>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct Counts {
    outstanding: u32,
    /// A wake-up is a system call, for each frame; where nobody waits there is none.
    waiting: u32,
}

impl Shortage {
    /// A buffer goes out.
    pub(super) fn taken(&self) {
        lock(&self.counts).outstanding += 1;
    }

    /// A buffer is back; true if it was the last one out.
    pub(super) fn returned(&self) -> bool {
        let mut counts = lock(&self.counts);
        counts.outstanding = counts.outstanding.saturating_sub(1);
        let (all_back, is_awaited) = (counts.outstanding == 0, counts.waiting > 0);
        drop(counts);
        if is_awaited {
            self.returned.notify_one();
        }
        all_back
    }

    /// How many are out.
    pub(super) fn outstanding(&self) -> u32 {
        lock(&self.counts).outstanding
    }

    /// Waits until fewer than `limit` buffers are out or `is_over`, for a moment; false if neither comes in time.
    pub(super) fn wait_below(&self, limit: u32, is_over: impl Fn() -> bool) -> bool {
        wait_in_slices(LONGEST, |slice| {
            let deadline = Instant::now() + slice;
            self.wait(limit, &is_over, || {
                let left = deadline.saturating_duration_since(Instant::now());
                (!left.is_zero()).then_some(left)
            })
        })
    }

    /// The same for as long as it takes.
    pub(super) fn wait_out(&self, limit: u32, is_over: impl Fn() -> bool) {
        let _came = self.wait(limit, is_over, || Some(Duration::MAX));
    }

    /// Lets who waits look again whether it is over.
    pub(super) fn interrupt(&self) {
        // With the lock held once, nobody is between looking and waiting.
        drop(lock(&self.counts));
        self.returned.notify_all();
    }

    /// Waits while it is short and time is `left`; false when there is none.
    fn wait(
        &self,
        limit: u32,
        is_over: impl Fn() -> bool,
        left: impl Fn() -> Option<Duration>,
    ) -> bool {
        let mut counts = lock(&self.counts);
        while counts.outstanding >= limit && !is_over() {
            let Some(left) = left() else { return false };
            counts.waiting += 1;
            let waited = self.returned.wait_timeout(counts, left);
            counts = waited.unwrap_or_else(PoisonError::into_inner).0;
            counts.waiting -= 1;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::Shortage;

    fn with_outstanding(count: u32) -> Arc<Shortage> {
        let shortage = Arc::new(Shortage::default());
        (0..count).for_each(|_| shortage.taken());
        shortage
    }

    #[test]
    fn with_a_buffer_to_spare_nobody_waits() {
        assert!(with_outstanding(2).wait_below(3, || panic!("nobody asks")));
    }

    #[test]
    fn a_returned_buffer_ends_the_wait() {
        let shortage = with_outstanding(3);
        let waiting = Arc::clone(&shortage);
        let waiter = thread::spawn(move || waiting.wait_out(3, || false));
        assert!(!shortage.returned(), "two are still out");
        waiter.join().expect("no panic");
    }

    #[test]
    fn a_flush_ends_the_wait() {
        let shortage = with_outstanding(3);
        let flushing = Arc::new(AtomicBool::new(false));
        let (waiting, over) = (Arc::clone(&shortage), Arc::clone(&flushing));
        let waiter = thread::spawn(move || waiting.wait_out(3, || over.load(Ordering::SeqCst)));
        flushing.store(true, Ordering::SeqCst);
        shortage.interrupt();
        waiter.join().expect("no panic");
        assert_eq!(shortage.outstanding(), 3);
    }

    #[test]
    fn who_must_not_have_more_waits_for_as_long_as_it_takes() {
        let shortage = with_outstanding(3);
        let waiting = Arc::clone(&shortage);
        let waiter = thread::spawn(move || waiting.wait_out(3, || false));
        assert!(!shortage.wait_below(3, || false), "nothing has come back");
        assert!(!waiter.is_finished());
        shortage.returned();
        waiter.join().expect("no panic");
    }

    #[test]
    fn who_waits_in_vain_is_told_so() {
        assert!(!with_outstanding(3).wait_below(3, || false));
    }
}
