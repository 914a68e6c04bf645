//! Waiting out a moment's shortage of buffers.
//!
//! A camera takes its next buffer before it hands over the frame it has. When frames wait for the display just then, every
//! buffer is out for the blink until a flip gives one back. A pool that makes one more each time ends up larger than the
//! pipeline needs, and goes on allocating and importing long after the start. So the pool waits, but not for ever: who
//! holds more frames than anybody said must get more buffers in the end.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use crate::sync::lock;

/// Several refreshes of any display, also of one that comes late.
const LONGEST: Duration = Duration::from_millis(250);

/// How many buffers are out, and who waits for one.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    outstanding: Mutex<u32>,
    returned: Condvar,
}

impl Shortage {
    /// A buffer goes out.
    pub(super) fn taken(&self) {
        *lock(&self.outstanding) += 1;
    }

    /// A buffer is back; true if it was the last one out.
    pub(super) fn returned(&self) -> bool {
        let mut outstanding = lock(&self.outstanding);
        *outstanding = outstanding.saturating_sub(1);
        let all_back = *outstanding == 0;
        drop(outstanding);
        self.returned.notify_one();
        all_back
    }

    /// How many are out.
    pub(super) fn outstanding(&self) -> u32 {
        *lock(&self.outstanding)
    }

    /// Waits until fewer than `limit` buffers are out or `is_over`, for a moment; false if neither comes in time.
    pub(super) fn wait_below(&self, limit: u32, is_over: impl Fn() -> bool) -> bool {
        let is_short = |outstanding: &mut u32| *outstanding >= limit && !is_over();
        let waited = self
            .returned
            .wait_timeout_while(lock(&self.outstanding), LONGEST, is_short);
        waited.is_ok_and(|(_outstanding, waited)| !waited.timed_out())
    }

    /// The same for as long as it takes.
    pub(super) fn wait_out(&self, limit: u32, is_over: impl Fn() -> bool) {
        let is_short = |outstanding: &mut u32| *outstanding >= limit && !is_over();
        let waited = self.returned.wait_while(lock(&self.outstanding), is_short);
        drop(waited);
    }

    /// Lets who waits look again whether it is over.
    pub(super) fn interrupt(&self) {
        // With the lock held once, nobody is between looking and waiting.
        drop(lock(&self.outstanding));
        self.returned.notify_all();
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
        let waiter = thread::spawn(move || waiting.wait_below(3, || false));
        assert!(!shortage.returned(), "two are still out");
        assert!(waiter.join().expect("no panic"));
    }

    #[test]
    fn a_flush_ends_the_wait() {
        let shortage = with_outstanding(3);
        let flushing = Arc::new(AtomicBool::new(false));
        let (waiting, over) = (Arc::clone(&shortage), Arc::clone(&flushing));
        let waiter = thread::spawn(move || waiting.wait_below(3, || over.load(Ordering::SeqCst)));
        flushing.store(true, Ordering::SeqCst);
        shortage.interrupt();
        assert!(waiter.join().expect("no panic"));
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
