//! Which frame is committed when, and who waits for it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tracing::warn;

use super::queue::FlipQueue;
use super::solve::{Solution, is_refusal};
use super::stats::Counter;
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
    changed: Condvar,
}

/// A scene and what must live as long as it is on screen.
pub(super) struct Shot {
    pub(super) scene: Scene,
    _keep: Option<Box<dyn Any + Send>>,
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
    pub(super) begun: Instant,
    /// Frames taken off the screen that are being dropped at this moment.
    pub(super) releasing: u32,
    is_flushing: bool,
    waiters: u32,
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

impl FlipLoop {
    pub(super) fn new(device: &Arc<Device>, pipeline: Pipeline, atomic: AtomicState) -> FlipLoop {
        FlipLoop {
            pipeline,
            card: Arc::clone(device.card()),
            device: Arc::downgrade(device),
            atomic: Mutex::new(atomic),
            listener: Mutex::default(),
            state: Mutex::new(State::new()),
            changed: Condvar::new(),
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
        self.notify(&state);
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

    /// Commits a picture, or lets it wait for the flip; waits itself while another one does.
    pub(super) fn submit(
        &self,
        picture: Picture,
        keep: Box<dyn Any + Send>,
    ) -> Result<(), ShowError> {
        let shot = Shot {
            scene: Scene::Picture(picture),
            _keep: Some(keep),
        };
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
                drop(state);
                return self.commit_begun().map_err(ShowError::Commit);
            }
            if state.queue.can_park() {
                state.queue.park(shot);
                return Ok(());
            }
            state = self.wait(state);
        }
    }

    /// Switches the planes off and waits until that is on screen.
    pub(super) fn blank(&self) -> Result<(), CommitError> {
        let scene = match self.check(&Scene::Blank) {
            Err(error) if is_refusal(&error) => Scene::Off,
            _ => Scene::Blank,
        };
        let mut state = self.lock();
        let parked = state.queue.take_parked();
        self.notify(&state);
        drop(state);
        drop(parked);

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
        state.begin(Shot { scene, _keep: None });
        drop(state);
        self.commit_begun()?;
        if self.wait_idle(FLIP_TIMEOUT) {
            Ok(())
        } else {
            Err(self.flip_timeout())
        }
    }

    pub(super) fn wait_idle(&self, timeout: Duration) -> bool {
        let is_idle = |state: &State| state.queue.is_idle() && state.releasing == 0;
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
        self.notify(&state);
        drop(state);
        if has_more && let Err(error) = self.commit_begun() {
            self.report(error);
        }
    }

    /// Ends it all: waits for the last flip, puts back what was found, and gives back what was kept.
    pub(super) fn finish(&self, timeout: Duration) -> Vec<Shot> {
        self.set_flushing(true);
        let parked = self.lock().queue.take_parked();
        if !events::is_event_thread() && !self.wait_idle(timeout) && !self.lock().is_gone() {
            warn!(output = self.pipeline.name, "the last flip did not come");
        }
        if !self.lock().is_gone() {
            self.restore();
        }
        let mut kept = self.lock().queue.clear();
        kept.extend(parked);
        kept
    }

    /// Wakes whoever waits. With nobody waiting it costs no system call.
    pub(super) fn notify(&self, state: &State) {
        if state.waiters > 0 {
            self.changed.notify_all();
        }
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.waiters += 1;
        let mut state = self
            .changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
        state.waiters -= 1;
        state
    }

    fn wait_until(
        &self,
        timeout: Duration,
        is_done: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.waiters += 1;
        let waited = self
            .changed
            .wait_timeout_while(state, timeout, |state| !is_done(state));
        let (mut state, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiters -= 1;
        state
    }
}

impl State {
    fn new() -> State {
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
            begun: Instant::now(),
            releasing: 0,
            is_flushing: false,
            waiters: 0,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        matches!(self.failure, Failure::Device(_))
    }

    /// Whether a commit could be made now.
    fn can_begin(&self) -> bool {
        !self.queue.is_pending() && self.hold != Hold::Writeback
    }

    /// Begins whatever waits, if a commit could be made: the parked frame, or a writeback of the shown one.
    pub(super) fn advance(&mut self) -> bool {
        if !self.can_begin() {
            false
        } else if let Some(parked) = self.queue.take_parked() {
            self.begin(parked);
            true
        } else if self.job.is_some() && self.queue.shown().is_some() {
            self.begin_same();
            true
        } else {
            false
        }
    }

    fn begin(&mut self, shot: Shot) {
        self.queue.begin(shot);
        self.restart_clock();
    }

    fn begin_same(&mut self) {
        self.queue.begin_same();
        self.restart_clock();
    }

    fn restart_clock(&mut self) {
        self.begun = Instant::now();
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

impl fmt::Debug for FlipLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlipLoop")
            .field("output", &self.pipeline.name)
            .finish_non_exhaustive()
    }
}
