//! Which frame is where: on screen, or on its way there.

/// The two places a frame can have on a CRTC.
///
/// A frame is free when the *next* one is on screen, not when the next one is committed: until the flip
/// the hardware reads it. So each has a place here until then.
#[derive(Debug)]
pub(crate) struct FlipQueue<T> {
    shown: Option<T>,
    pending: Pending<T>,
}

#[derive(Debug)]
enum Pending<T> {
    /// The kernel is idle.
    Nothing,
    /// Committed, its flip is due.
    Next(T),
    /// What is shown was committed once more.
    Same,
}

impl<T> FlipQueue<T> {
    pub(crate) const fn new() -> FlipQueue<T> {
        FlipQueue {
            shown: None,
            pending: Pending::Nothing,
        }
    }

    /// What is on screen.
    pub(crate) fn shown(&self) -> Option<&T> {
        self.shown.as_ref()
    }

    /// What is on its way to the screen.
    pub(crate) fn next(&self) -> Option<&T> {
        match &self.pending {
            Pending::Next(next) => Some(next),
            Pending::Same => self.shown.as_ref(),
            Pending::Nothing => None,
        }
    }

    /// What is on its way and was not on screen before.
    pub(crate) fn incoming(&self) -> Option<&T> {
        match &self.pending {
            Pending::Next(next) => Some(next),
            Pending::Same | Pending::Nothing => None,
        }
    }

    /// Whether a flip is due.
    pub(crate) fn is_pending(&self) -> bool {
        !matches!(self.pending, Pending::Nothing)
    }

    /// Takes the place of the frame to commit. Only while nothing is pending.
    pub(crate) fn begin(&mut self, next: T) {
        debug_assert!(!self.is_pending(), "one commit at a time");
        self.pending = Pending::Next(next);
    }

    /// What is shown will be committed again. Only while nothing is pending.
    pub(crate) fn begin_same(&mut self) {
        debug_assert!(!self.is_pending(), "one commit at a time");
        self.pending = Pending::Same;
    }

    /// The flip has happened: what was on screen is free.
    pub(crate) fn flipped(&mut self) -> Option<T> {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Next(next) => self.shown.replace(next),
            Pending::Same | Pending::Nothing => None,
        }
    }

    /// The commit failed: what should have been shown is free, what is shown stays.
    pub(crate) fn failed(&mut self) -> Option<T> {
        match std::mem::replace(&mut self.pending, Pending::Nothing) {
            Pending::Next(next) => Some(next),
            Pending::Same | Pending::Nothing => None,
        }
    }

    /// Everything, when the CRTC shows none of it any more.
    pub(crate) fn clear(&mut self) -> Vec<T> {
        let pending = self.failed();
        self.shown.take().into_iter().chain(pending).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_frame_is_free_only_when_the_next_is_on_screen() {
        let mut queue = FlipQueue::new();
        queue.begin(1);
        assert_eq!(queue.flipped(), None);
        queue.begin(2);
        assert_eq!(queue.shown(), Some(&1));
        assert_eq!(queue.flipped(), Some(1));
        assert_eq!(queue.shown(), Some(&2));
    }

    #[test]
    fn a_failed_commit_leaves_the_picture_on_screen() {
        let mut queue = FlipQueue::new();
        queue.begin(1);
        queue.flipped();
        queue.begin(2);
        assert_eq!(queue.failed(), Some(2));
        assert_eq!(queue.shown(), Some(&1));
        assert!(!queue.is_pending());
    }

    #[test]
    fn committing_the_same_frame_again_frees_nothing() {
        let mut queue = FlipQueue::new();
        queue.begin(1);
        queue.flipped();
        queue.begin_same();
        assert_eq!(queue.next(), Some(&1));
        assert_eq!(queue.flipped(), None);
        assert_eq!(queue.shown(), Some(&1));
    }

    proptest! {
        #[test]
        fn no_frame_is_lost_or_freed_twice_and_the_order_is_kept(steps in proptest::collection::vec(0_u8..5, 0..200)) {
            let (mut queue, mut next, mut freed) = (FlipQueue::new(), 0_u32, Vec::new());
            let mut committed = Vec::new();
            for step in steps {
                match step {
                    0 | 1 if !queue.is_pending() => {
                        queue.begin(next);
                        committed.push(next);
                        next += 1;
                    }
                    2 => freed.extend(queue.flipped()),
                    3 => freed.extend(queue.failed()),
                    4 if !queue.is_pending() => queue.begin_same(),
                    _ => {}
                }
            }
            prop_assert!(committed.is_sorted());
            freed.extend(queue.clear());
            freed.sort_unstable();
            prop_assert_eq!(freed, (0..next).collect::<Vec<_>>());
        }
    }
}
