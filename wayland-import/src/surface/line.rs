//! Which frame is where: waiting, or at the compositor.

use crate::buffer::BufferId;
use crate::contain::Keep;

/// The most frames that are held at once, wherever they are.
pub(super) const HELD_MAX: usize = 3;

/// A picture as a line of frames sees it.
pub(super) trait Attachable {
    /// By what its releases name it.
    fn id(&self) -> BufferId;

    /// Whether the compositor has it, so that it can be committed.
    fn is_ready(&self) -> bool;
}

/// A frame on its way to the screen.
#[derive(Debug)]
pub(super) struct Shot<P, V> {
    pub(super) number: u64,
    pub(super) picture: P,
    pub(super) view: V,
    pub(super) keep: Keep,
}

/// The places that a frame can have. One waits at most, and it is the newest.
///
/// A frame is free when its buffer is released, and a release names only the buffer. So a buffer that the compositor still has
/// from an earlier frame is not committed again before it is released, unless it is the one committed last: that release
/// comes once, for both.
#[derive(Debug)]
pub(super) struct Line<P, V> {
    waiting: Option<Shot<P, V>>,
    /// Committed and not released, in the order of the commits.
    held: Vec<Shot<P, V>>,
    /// The frame whose callback is due.
    due: Option<u64>,
    /// What was committed last, until something else is.
    current: Option<BufferId>,
}

impl<P: Attachable, V> Line<P, V> {
    pub(super) const fn new() -> Line<P, V> {
        Line {
            waiting: None,
            held: Vec::new(),
            due: None,
            current: None,
        }
    }

    pub(super) fn waiting(&self) -> Option<&Shot<P, V>> {
        self.waiting.as_ref()
    }

    pub(super) fn waiting_mut(&mut self) -> Option<&mut Shot<P, V>> {
        self.waiting.as_mut()
    }

    /// What was committed last, if the compositor still has it.
    pub(super) fn shown(&self) -> Option<&Shot<P, V>> {
        let is_current = |shot: &&Shot<P, V>| Some(shot.picture.id()) == self.current;
        self.held.iter().rfind(is_current)
    }

    /// How many are held.
    pub(super) fn len(&self) -> usize {
        self.held.len() + usize::from(self.waiting.is_some())
    }

    /// Whether nothing waits and the compositor has at most what is on screen.
    pub(super) fn is_idle(&self) -> bool {
        let is_current = |shot: &Shot<P, V>| Some(shot.picture.id()) == self.current;
        self.waiting.is_none() && self.held.iter().all(is_current)
    }

    /// Whether the compositor has nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_none() && self.held.is_empty()
    }

    /// Takes a frame as the newest; gives back one that will not be shown: the one that waited before, or this one if the
    /// compositor holds too many.
    pub(super) fn offer(&mut self, shot: Shot<P, V>) -> Option<Shot<P, V>> {
        if self.held.len() >= HELD_MAX {
            return Some(shot);
        }
        self.waiting.replace(shot)
    }

    /// The frame to commit now, if there is one; it is held from then on, and its callback due.
    pub(super) fn advance(&mut self) -> Option<&Shot<P, V>> {
        let waiting = self.waiting.as_ref()?;
        let id = waiting.picture.id();
        let is_busy =
            Some(id) != self.current && self.held.iter().any(|shot| shot.picture.id() == id);
        if self.due.is_some() || !waiting.picture.is_ready() || is_busy {
            return None;
        }
        let shot = self.waiting.take()?;
        self.due = Some(shot.number);
        self.current = Some(id);
        self.held.push(shot);
        self.held.last()
    }

    /// The callback of a frame has come; false if it is not the one that was due.
    pub(super) fn called_back(&mut self, number: u64) -> bool {
        let is_due = self.due == Some(number);
        if is_due {
            self.due = None;
        }
        is_due
    }

    /// A buffer is free: so are its frames.
    pub(super) fn released(&mut self, id: BufferId) -> Vec<Shot<P, V>> {
        self.held
            .extract_if(.., |shot| shot.picture.id() == id)
            .collect()
    }

    /// What waits, if it is this picture, which will not be shown.
    pub(super) fn refused(&mut self, id: BufferId) -> Option<Shot<P, V>> {
        self.waiting.take_if(|shot| shot.picture.id() == id)
    }

    /// What waits.
    pub(super) fn flush(&mut self) -> Option<Shot<P, V>> {
        self.waiting.take()
    }

    /// Nothing is on screen any more: no callback is due, and every release will come.
    pub(super) fn blank(&mut self) {
        self.due = None;
        self.current = None;
    }

    /// Everything, when the compositor reads none of it any more.
    pub(super) fn clear(&mut self) -> Vec<Shot<P, V>> {
        self.blank();
        let waiting = self.waiting.take();
        std::mem::take(&mut self.held)
            .into_iter()
            .chain(waiting)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Copy, Debug)]
    struct Fake {
        id: u64,
        is_ready: bool,
    }

    impl Attachable for Fake {
        fn id(&self) -> BufferId {
            BufferId(self.id)
        }

        fn is_ready(&self) -> bool {
            self.is_ready
        }
    }

    fn shot(number: u64, id: u64) -> Shot<Fake, ()> {
        Shot {
            number,
            picture: Fake { id, is_ready: true },
            view: (),
            keep: Keep::nothing(),
        }
    }

    fn number(shot: Option<&Shot<Fake, ()>>) -> Option<u64> {
        shot.map(|shot| shot.number)
    }

    #[test]
    fn the_newest_frame_waits_for_the_callback_and_older_ones_are_given_back() {
        let mut line = Line::new();
        assert!(line.offer(shot(1, 1)).is_none());
        assert_eq!(number(line.advance()), Some(1));
        assert!(line.offer(shot(2, 2)).is_none());
        assert!(line.advance().is_none());
        assert_eq!(line.offer(shot(3, 3)).map(|shot| shot.number), Some(2));
        assert!(line.called_back(1));
        assert_eq!(number(line.advance()), Some(3));
    }

    #[test]
    fn a_frame_is_free_when_its_buffer_is_released() {
        let mut line = Line::new();
        line.offer(shot(1, 7));
        line.advance();
        assert!(line.released(BufferId(8)).is_empty());
        assert_eq!(line.released(BufferId(7)).len(), 1);
        assert!(line.is_empty());
    }

    #[test]
    fn a_frame_waits_while_the_compositor_has_not_answered_its_import() {
        let mut line = Line::new();
        let mut first = shot(1, 1);
        first.picture.is_ready = false;
        line.offer(first);
        assert!(line.advance().is_none());
        line.waiting_mut().unwrap().picture.is_ready = true;
        assert_eq!(number(line.advance()), Some(1));
    }

    #[test]
    fn an_old_buffer_is_not_committed_again_before_its_release() {
        let mut line = Line::new();
        for (number, id) in [(1, 1), (2, 2)] {
            line.offer(shot(number, id));
            line.advance();
            line.called_back(number);
        }
        line.offer(shot(3, 1));
        assert!(line.advance().is_none());
        line.released(BufferId(1));
        assert_eq!(number(line.advance()), Some(3));
    }

    #[test]
    fn what_is_on_screen_may_be_committed_again_and_is_released_once() {
        let mut line = Line::new();
        line.offer(shot(1, 1));
        line.advance();
        line.called_back(1);
        line.offer(shot(2, 1));
        assert_eq!(number(line.advance()), Some(2));
        assert_eq!(line.released(BufferId(1)).len(), 2);
    }

    #[test]
    fn a_compositor_that_releases_nothing_gets_no_fourth_frame() {
        let mut line = Line::new();
        for number in 1..=3 {
            assert!(line.offer(shot(number, number)).is_none());
            line.advance();
            line.called_back(number);
        }
        assert_eq!(line.offer(shot(4, 4)).map(|shot| shot.number), Some(4));
        assert_eq!(line.len(), HELD_MAX);
    }

    #[test]
    fn only_the_callback_that_is_due_counts() {
        let mut line = Line::new();
        line.offer(shot(1, 1));
        line.advance();
        line.blank();
        line.offer(shot(2, 2));
        assert_eq!(
            number(line.advance()),
            Some(2),
            "what was blanked owes no callback"
        );
        assert!(!line.called_back(1));
        assert!(line.called_back(2));
    }

    proptest! {
        #[test]
        fn no_frame_is_lost_or_given_back_twice_and_never_are_more_than_three_held(
            steps in proptest::collection::vec((0_u8..6, 0_u64..5), 0..200),
        ) {
            let (mut line, mut last, mut back) = (Line::new(), 0, Vec::new());
            for (step, id) in steps {
                match step {
                    0 | 1 => {
                        last += 1;
                        back.extend(line.offer(shot(last, id)).map(|shot| shot.number));
                    }
                    2 => {
                        line.advance();
                    }
                    3 => {
                        let due = line.due;
                        due.map(|due| line.called_back(due));
                    }
                    4 => back.extend(line.released(BufferId(id)).into_iter().map(|shot| shot.number)),
                    _ => back.extend(line.flush().map(|shot| shot.number)),
                }
                prop_assert!(line.len() <= HELD_MAX);
            }
            back.extend(line.clear().into_iter().map(|shot| shot.number));
            back.sort_unstable();
            prop_assert_eq!(back, (1..=last).collect::<Vec<_>>());
        }
    }
}
