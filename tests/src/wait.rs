//! Bounded waiting on a condition that nothing announces.

use std::thread;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(10);

/// Asks `condition` until it answers `Some` or `limit` is over.
///
/// For states that other processes or the kernel change and no event tells of, as the counts in debugfs. A machine that stands
/// still lets them change nothing either: what a pause between two questions takes too long does not count.
pub fn until<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let mut deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        let asked = Instant::now();
        if asked >= deadline {
            return None;
        }
        thread::sleep(INTERVAL);
        deadline += asked.elapsed().saturating_sub(INTERVAL);
    }
}

/// Asks `count` until it answers `wanted` or more, and gives the last answer: less only if that has not risen for `limit`.
///
/// However slow a machine is, what rises gets there.
pub fn until_counted<E>(
    limit: Duration,
    wanted: u64,
    mut count: impl FnMut() -> Result<u64, E>,
) -> Result<u64, E> {
    let mut last = count()?;
    while last < wanted {
        let risen = until(limit, || match count() {
            Ok(now) if now <= last => None,
            answer => Some(answer),
        });
        let Some(now) = risen else { break };
        last = now?;
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::until_counted;

    #[test]
    fn a_count_that_rises_is_waited_for_and_one_that_stands_still_is_not() {
        let limit = Duration::from_millis(20);
        let counted = |highest: u64, wanted| {
            let mut now = 0;
            until_counted(limit, wanted, move || {
                now = highest.min(now + 1);
                Ok::<u64, ()>(now)
            })
        };
        assert_eq!(counted(50, 10), Ok(10));
        assert_eq!(counted(5, 10), Ok(5));
        assert_eq!(
            until_counted(limit, 1, || Err::<u64, _>("ended")),
            Err("ended")
        );
    }
}
