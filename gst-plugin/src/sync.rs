//! One way to take a lock, and one to wait for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Enough that a machine that stands still once leaves most of a wait to those who are waited for.
const SLICES: u32 = 5;

/// Locks, also after a panic elsewhere: every change under our locks is one assignment, so the value is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits by `wait`, which says whether what is waited for came, up to `patience`.
///
/// In slices, each of which runs out by itself: on a machine that stood still for longer than `patience`, the others have not
/// had their time either, and one wait alone would be over before they do anything.
pub(crate) fn wait_in_slices(patience: Duration, wait: impl FnMut(Duration) -> bool) -> bool {
    let mut slices = std::iter::repeat_n(patience / SLICES, SLICES as usize);
    slices.any(wait)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::wait_in_slices;

    const PATIENCE: Duration = Duration::from_millis(250);

    #[test]
    fn a_wait_in_vain_takes_all_its_time() {
        let mut waited = Duration::ZERO;
        assert!(!wait_in_slices(PATIENCE, |slice| {
            waited += slice;
            false
        }));
        assert_eq!(waited, PATIENCE);
    }

    #[test]
    fn what_comes_after_a_stall_is_waited_for() {
        let mut waits = 0;
        assert!(wait_in_slices(PATIENCE, |_slice| {
            waits += 1;
            waits == 2
        }));
        assert_eq!(waits, 2);
    }
}
