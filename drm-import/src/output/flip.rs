//! Which frame is committed when, and who waits for it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tracing::warn;

use super::solve::is_refusal;
use super::state::{Failure, Hold, Shot, State};
use super::{CommitError, OutputEvent, OutputStats, Pipeline, ShowError};
use crate::atomic::{AtomicState, Picture, Scene};
use crate::device::{Card, Device};
use crate::events;
use crate::writeback::Job;

/// A flip that takes longer than this never comes; the kernel itself gives up after as long.
pub(super) const FLIP_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) type Listener = Arc<dyn Fn(OutputEvent) + Send + Sync>;

/// The part of an output that the event thread shares.
///
/// Whoever puts a shot into the queue's place for the next commit makes that commit, without the state's
/// lock; nobody else can until it is flipped or has failed.
pub(crate) struct FlipLoop {
    pub(crate) pipeline: Pipeline,
    pub(super) card: Arc<Card>,
    pub(super) device: Weak<Device>,
    pub(super) atomic: Mutex<AtomicState>,
    pub(super) listener: Mutex<Option<Listener>>,
    state: Mutex<State>,
    /// A frame may be committed, or none will be any more.
    room: Condvar,
    /// Something has been settled: a flip, a frame given back, a writeback.
    settled: Condvar,
}

impl FlipLoop {
    pub(super) fn new(device: &Arc<Device>, pipeline: Pipeline, atomic: AtomicState) -> FlipLoop {
        FlipLoop {
            pipeline,
            card: Arc::clone(device.card()),
            device: Arc::downgrade(device),
            atomic: Mutex::new(atomic),
            listener: Mutex::default(),
            state: Mutex::new(State::new()),
            room: Condvar::new(),
            settled: Condvar::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn plane(&self) -> Option<usize> {
        self.lock().plane
    }

    pub(super) fn claimed_planes(&self) -> Vec<u32> {
        self.lock().claimed_planes.clone()
    }

    pub(super) fn stats(&self) -> OutputStats {
        self.lock().counter.stats()
    }

    pub(super) fn set_listener(&self, listener: Listener) {
        *self.listener.lock().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    pub(super) fn set_flushing(&self, is_flushing: bool) {
        let mut state = self.lock();
        state.is_flushing = is_flushing;
        self.notify(state);
    }

    /// The failure of an earlier frame, told once; that the device is gone, told for ever.
    pub(super) fn refuse_if_lost(&self) -> Result<(), ShowError> {
        let mut state = self.lock();
        match state.failure.clone() {
            Failure::None => Ok(()),
            Failure::Frame(error) => {
                state.failure = Failure::None;
                Err(ShowError::Lost(error))
            }
            Failure::Device(error) => Err(ShowError::Lost(error)),
        }
    }

    /// Commits a picture, after waiting for the flip of the one before.
    pub(super) fn submit(
        &self,
        picture: Picture,
        keep: Box<dyn Any + Send>,
    ) -> Result<(), ShowError> {
        let shot = Shot::new(Scene::Picture(picture), Some(keep));
        let mut has_waited = false;
        let mut state = self.lock();
        loop {
            if let Failure::Device(error) = &state.failure {
                return Err(ShowError::Lost(Arc::clone(error)));
            }
            if state.is_flushing {
                return Err(ShowError::Flushing);
            }
            if state.can_begin() {
                state.begin(shot);
                state.is_back_to_back = has_waited;
                drop(state);
                return self.commit_begun().map_err(ShowError::Commit);
            }
            state = self.wait_for_room(state);
            has_waited = true;
        }
    }

    /// Switches the planes off and waits until that is on screen.
    pub(super) fn blank(&self) -> Result<(), CommitError> {
        let scene = match self.check(&Scene::Blank) {
            Err(error) if is_refusal(&error) => Scene::Off,
            _ => Scene::Blank,
        };
        let mut state = self.wait_until(FLIP_TIMEOUT, State::can_begin);
        if !state.can_begin() {
            return Err(self.flip_timeout());
        }
        if state
            .queue
            .shown()
            .is_none_or(|shot| shot.scene.picture().is_none())
        {
            return Ok(());
        }
        state.begin(Shot::new(scene, None));
        drop(state);
        self.commit_begun()?;
        if self.wait_idle(FLIP_TIMEOUT) {
            Ok(())
        } else {
            Err(self.flip_timeout())
        }
    }

    pub(super) fn wait_idle(&self, timeout: Duration) -> bool {
        let is_idle = |state: &State| !state.queue.is_pending() && state.releasing == 0;
        is_idle(&self.wait_until(timeout, is_idle))
    }

    /// Joins a writeback job to the next commit, or makes one for it; false if nothing is shown. One job
    /// at a time.
    pub(crate) fn write_back(&self, job: &Arc<Job>) -> Result<bool, CommitError> {
        let mut state = self.lock();
        let is_lit = |shot: &Shot| !matches!(shot.scene, Scene::Off);
        if !state
            .queue
            .next()
            .or(state.queue.shown())
            .is_some_and(is_lit)
        {
            return Ok(false);
        }
        state.job = Some(Arc::clone(job));
        if state.queue.is_pending() {
            return Ok(true);
        }
        state.begin_same();
        drop(state);
        self.commit_begun().map(|()| true)
    }

    /// Gives up on the job that no commit has taken.
    pub(crate) fn abandon_job(&self) {
        self.lock().job = None;
    }

    /// The picture is written, or will not be: the next commit may go.
    pub(crate) fn end_writeback(&self) {
        let mut state = self.lock();
        state.hold = Hold::Nothing;
        let has_more = state.advance();
        self.notify(state);
        if has_more && let Err(error) = self.commit_begun() {
            self.report(error);
        }
    }

    /// Ends it all: waits for the last flip, puts back what was found, and gives back what was kept.
    pub(super) fn finish(&self, timeout: Duration) -> Vec<Shot> {
        self.set_flushing(true);
        if !events::is_event_thread() && !self.wait_idle(timeout) && !self.lock().is_gone() {
            warn!(output = self.pipeline.name, "the last flip did not come");
        }
        if !self.lock().is_gone() {
            self.restore();
        }
        self.lock().queue.clear()
    }

    /// Unlocks and wakes whoever waits. With nobody waiting it costs no system call, and whoever wakes
    /// finds the lock free.
    pub(super) fn notify(&self, state: MutexGuard<'_, State>) {
        let has_room = state.waiting_for_room > 0 && (state.can_begin() || state.is_refusing());
        let is_awaited = state.waiting_to_settle > 0;
        drop(state);
        if has_room {
            self.room.notify_all();
        }
        if is_awaited {
            self.settled.notify_all();
        }
    }

    fn wait_for_room<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.waiting_for_room += 1;
        let mut state = self
            .room
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiting_for_room -= 1;
        state
    }

    fn wait_until(
        &self,
        timeout: Duration,
        is_done: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.waiting_to_settle += 1;
        let waited = self
            .settled
            .wait_timeout_while(state, timeout, |state| !is_done(state));
        let (mut state, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting_to_settle -= 1;
        state
    }
}

impl fmt::Debug for FlipLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlipLoop")
            .field("output", &self.pipeline.name)
            .finish_non_exhaustive()
    }
}
