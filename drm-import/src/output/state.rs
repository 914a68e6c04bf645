//! What an output remembers between commits and flips.

use std::any::Any;
use std::sync::Arc;

use super::CommitError;
use super::contain::contain;
use super::queue::FlipQueue;
use super::solve::Solution;
use super::stats::Counter;
use crate::atomic::Scene;
use crate::writeback::Job;

/// A scene and what must live as long as it is on screen.
pub(super) struct Shot {
    pub(super) scene: Scene,
    keep: Option<Box<dyn Any + Send>>,
}

impl Shot {
    pub(super) fn new(scene: Scene, keep: Option<Box<dyn Any + Send>>) -> Shot {
        Shot { scene, keep }
    }
}

impl Drop for Shot {
    fn drop(&mut self) {
        let keep = self.keep.take();
        contain("what was kept with a frame", || drop(keep));
    }
}

pub(super) struct State {
    /// Index of the plane that is preferred: the one used last, or configured.
    pub(super) plane: Option<usize>,
    pub(super) solution: Option<Solution>,
    /// Object ids of the planes that no other output may use.
    pub(super) claimed_planes: Vec<u32>,
    pub(super) queue: FlipQueue<Shot>,
    /// A picture that wants to be written back by the next commit.
    pub(super) job: Option<Arc<Job>>,
    pub(super) counter: Counter,
    pub(super) failure: Failure,
    /// Whether the pending commit was made right at the flip before.
    pub(super) is_back_to_back: bool,
    pub(super) hold: Hold,
    pub(super) attempts: u32,
    /// Seconds that the pending commit has been waited for.
    pub(super) seconds: u64,
    /// Frames taken off the screen that are being dropped at this moment.
    pub(super) releasing: u32,
    pub(super) is_flushing: bool,
    pub(super) waiting_for_room: u32,
    pub(super) waiting_to_settle: u32,
}

/// What the next commit has to wait for, apart from the flip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    Nothing,
    /// The CRTC was busy: what is pending is committed at the next refresh.
    Refresh,
    /// A picture is being written back. vkms forgets it, and never signals a fence in time again, if
    /// another commit comes before it is written.
    Writeback,
}

/// What became of a frame that had been taken.
#[derive(Clone, Default)]
pub(super) enum Failure {
    #[default]
    None,
    /// It could not be shown; to be told once.
    Frame(Arc<CommitError>),
    /// The device is no more; to be told every time.
    Device(Arc<CommitError>),
}

impl State {
    pub(super) fn new() -> State {
        State {
            plane: None,
            solution: None,
            claimed_planes: Vec::new(),
            queue: FlipQueue::new(),
            job: None,
            counter: Counter::default(),
            failure: Failure::None,
            is_back_to_back: false,
            hold: Hold::Nothing,
            attempts: 0,
            seconds: 0,
            releasing: 0,
            is_flushing: false,
            waiting_for_room: 0,
            waiting_to_settle: 0,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.failure, Failure::Device(_))
    }

    /// Whether a commit could be made now.
    pub(super) fn can_begin(&self) -> bool {
        !self.queue.is_pending() && self.hold != Hold::Writeback
    }

    /// Begins a writeback of what is shown, if one waits and a commit could be made.
    pub(super) fn advance(&mut self) -> bool {
        let begins = self.job.is_some() && self.queue.shown().is_some() && self.can_begin();
        if begins {
            self.begin_same();
        }
        begins
    }

    /// Whether no frame will be taken.
    pub(super) fn is_refusing(&self) -> bool {
        self.is_flushing || self.is_gone()
    }

    pub(super) fn begin(&mut self, shot: Shot) {
        self.queue.begin(shot);
        self.restart_count();
    }

    pub(super) fn begin_same(&mut self) {
        self.queue.begin_same();
        self.restart_count();
    }

    fn restart_count(&mut self) {
        self.seconds = 0;
        self.attempts = 0;
        self.is_back_to_back = false;
    }
}

impl Failure {
    pub(super) fn new(error: &Arc<CommitError>) -> Failure {
        let error = Arc::clone(error);
        if matches!(*error, CommitError::Gone { .. }) {
            Failure::Device(error)
        } else {
            Failure::Frame(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("a keep of somebody else");
        }
    }

    #[test]
    fn a_keep_that_panics_when_it_is_dropped_takes_nobody_along() {
        let shot = |keep| Shot::new(Scene::Blank, Some(keep));
        let mut queue = FlipQueue::new();
        queue.begin(shot(Box::new(Panics)));
        drop(queue.flipped());
        queue.begin(shot(Box::new(())));
        drop(queue.flipped());
        assert!(queue.shown().is_some(), "the next frame has its turn");
    }
}
