//! Commits, flips, and who waits for them.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use drm::control::AtomicCommitFlags;
use drm::{Device as _, DriverCapability, VblankWaitFlags, VblankWaitTarget};
use rustix::io::Errno;
use tracing::{debug, error, trace, warn};

use super::pipeline::is_gone;
use super::queue::FlipQueue;
use super::solve::{Solution, is_refusal, modeset_flag};
use super::stats::Counter;
use super::{CommitError, OutputEvent, OutputStats, Pipeline, ShowError};
use crate::atomic::{AtomicState, Picture, Scene};
use crate::device::{Card, Device};
use crate::events::{self, CrtcEvent, EventKind, Route};
use crate::writeback::Job;

/// A flip that takes longer than this never comes.
const FLIP_TIMEOUT: Duration = Duration::from_secs(3);
/// How many refreshes a busy CRTC is waited for.
const BUSY_ATTEMPTS: u32 = 120;

type Listener = Arc<dyn Fn(OutputEvent) + Send + Sync>;

/// The part of an output that the event thread shares.
///
/// Whoever puts a shot into the queue's place for the next commit makes that commit, without the state's
/// lock; nobody else can until it is flipped or has failed.
pub(crate) struct FlipLoop {
    pub(crate) pipeline: Pipeline,
    pub(super) card: Arc<Card>,
    device: Weak<Device>,
    pub(super) atomic: Mutex<AtomicState>,
    state: Mutex<State>,
    changed: Condvar,
    listener: Mutex<Option<Listener>>,
}

/// A scene and what must live as long as it is on screen.
pub(super) struct Shot {
    scene: Scene,
    keep: Option<Box<dyn Any + Send>>,
}

pub(super) struct State {
    pub(super) plane: Option<usize>,
    pub(super) solution: Option<Solution>,
    queue: FlipQueue<Shot>,
    job: Option<Arc<Job>>,
    has_writeback: bool,
    counter: Counter,
    failure: Failure,
    is_flushing: bool,
    /// Whether the pending commit was made right at the flip before.
    is_back_to_back: bool,
    begun: Instant,
    attempts: u32,
    /// Frames taken off the screen that are being dropped at this moment.
    releasing: u32,
    waiters: u32,
}

/// What became of a frame that had been taken.
#[derive(Clone, Default)]
enum Failure {
    #[default]
    None,
    /// It could not be shown; to be told once.
    Frame(Arc<CommitError>),
    /// The device is no more; to be told every time.
    Device(Arc<CommitError>),
}

impl FlipLoop {
    pub(super) fn new(device: &Arc<Device>, pipeline: Pipeline, atomic: AtomicState) -> FlipLoop {
        let state = State {
            plane: None,
            solution: None,
            queue: FlipQueue::new(),
            job: None,
            has_writeback: false,
            counter: Counter::default(),
            failure: Failure::None,
            is_flushing: false,
            is_back_to_back: false,
            begun: Instant::now(),
            attempts: 0,
            releasing: 0,
            waiters: 0,
        };
        FlipLoop {
            pipeline,
            card: Arc::clone(device.card()),
            device: Arc::downgrade(device),
            atomic: Mutex::new(atomic),
            state: Mutex::new(state),
            changed: Condvar::new(),
            listener: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn plane(&self) -> Option<usize> {
        self.lock().plane
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
            keep: Some(keep),
        };
        let mut state = self.lock();
        loop {
            if let Failure::Device(error) = &state.failure {
                return Err(ShowError::Lost(Arc::clone(error)));
            }
            if state.is_flushing {
                return Err(ShowError::Flushing);
            }
            if !state.queue.is_pending() {
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
        let mut state = self.lock();
        let parked = state.queue.take_parked();
        self.notify(&state);
        drop(state);
        drop(parked);

        let mut state =
            self.wait_until(self.lock(), FLIP_TIMEOUT, |state| !state.queue.is_pending());
        if state.queue.is_pending() {
            return Err(self.flip_timeout());
        }
        if state
            .queue
            .shown()
            .is_none_or(|shot| shot.scene.picture().is_none())
        {
            return Ok(());
        }
        let scene = match self.check(&Scene::Blank) {
            Err(error) if is_refusal(&error) => Scene::Off,
            _ => Scene::Blank,
        };
        state.begin(Shot { scene, keep: None });
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
        let state = self.wait_until(self.lock(), timeout, is_idle);
        is_idle(&state)
    }

    /// Joins a writeback job to the next commit, or makes one for it; false if nothing is shown.
    pub(crate) fn write_back(&self, job: &Arc<Job>) -> Result<bool, CommitError> {
        let mut state = self.wait_until(self.lock(), FLIP_TIMEOUT, |state| state.job.is_none());
        if state.job.is_some() {
            return Err(self.flip_timeout());
        }
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
        state.queue.begin_same();
        state.begun = Instant::now();
        drop(state);
        self.commit_begun().map(|()| true)
    }

    /// Claims the writeback connector with `claim` unless this output has it already.
    pub(crate) fn claim_writeback(&self, claim: impl FnOnce() -> bool) -> bool {
        let mut state = self.lock();
        state.has_writeback = state.has_writeback || claim();
        state.has_writeback
    }

    /// Gives up on a job that no commit has taken.
    pub(crate) fn abandon(&self, job: &Arc<Job>) {
        let mut state = self.lock();
        if state
            .job
            .as_ref()
            .is_some_and(|waiting| Arc::ptr_eq(waiting, job))
        {
            state.job = None;
            self.notify(&state);
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

    /// Why a commit failed, in words that tell what to do.
    pub(super) fn failure(&self, source: io::Error) -> CommitError {
        let output = self.pipeline.name.clone();
        match source.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::ACCESS | Errno::PERM) => {
                self.atomic
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .forget();
                let holder = self
                    .device
                    .upgrade()
                    .map(|device| device.master_holder().to_string());
                CommitError::NotMaster {
                    output,
                    holder: holder.unwrap_or_default(),
                }
            }
            Some(Errno::BUSY) => CommitError::Busy {
                output,
                attempts: self.lock().attempts,
            },
            Some(Errno::NODEV) => self.gone(),
            _ => CommitError::Failed { output, source },
        }
    }

    pub(super) fn gone(&self) -> CommitError {
        CommitError::Gone {
            output: self.pipeline.name.clone(),
        }
    }

    /// Whether the device answers that it is no more.
    pub(super) fn is_device_gone(&self) -> bool {
        matches!(self.card.get_driver_capability(DriverCapability::Prime), Err(error) if is_gone(&error))
    }

    /// Commits what has begun. If that fails its frame is given back, and the one that waits has its turn.
    fn commit_begun(&self) -> Result<(), CommitError> {
        let Err(source) = self.try_commit() else {
            return Ok(());
        };
        let error = self.failure(source);
        let mut state = self.lock();
        let freed = state.queue.failed();
        let parked = state.queue.take_parked();
        let has_more = parked.is_some();
        if let Some(parked) = parked {
            state.begin(parked);
        }
        self.notify(&state);
        drop(state);
        drop(freed);
        if has_more && let Err(error) = self.commit_begun() {
            self.report(error);
        }
        Err(error)
    }

    /// One attempt. A busy CRTC counts as success: it is tried again at the next refresh.
    fn try_commit(&self) -> io::Result<()> {
        let (scene, job) = {
            let state = self.lock();
            (
                state.queue.next().map(|shot| shot.scene.clone()),
                state.job.clone(),
            )
        };
        let scene = scene.unwrap_or(Scene::Blank);
        let result = self.commit_scene(&scene, job.as_deref());
        let mut state = self.lock();
        match result {
            Ok(()) => state.counter.committed(),
            Err(error) if error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => {
                state.attempts += 1;
                if state.attempts > BUSY_ATTEMPTS || !self.wake_at_vblank() {
                    return Err(error);
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        if job.is_some() {
            state.job = None;
            self.notify(&state);
        }
        Ok(())
    }

    fn commit_scene(&self, scene: &Scene, job: Option<&Job>) -> io::Result<()> {
        let mut atomic = self.atomic.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = atomic.changes(&self.pipeline, scene);
        if let Some(job) = job {
            job.add_to(&self.pipeline, &atomic, &mut changes);
        }
        let flags = AtomicCommitFlags::NONBLOCK
            | AtomicCommitFlags::PAGE_FLIP_EVENT
            | modeset_flag(changes.modeset);
        trace!(
            output = self.pipeline.name,
            ?flags,
            changes = changes.lasting.len(),
            "commit"
        );
        match self.card.commit(&changes.all(), flags) {
            Ok(()) => {
                atomic.applied(&changes.lasting);
                if let Some(job) = job {
                    job.committed();
                }
                Ok(())
            }
            Err(error) if is_refusal(&error) && job.is_some() => {
                drop(atomic);
                if let Some(job) = job {
                    job.refused(error);
                }
                self.commit_scene(scene, None)
            }
            Err(error) => Err(error),
        }
    }

    fn wake_at_vblank(&self) -> bool {
        let target = VblankWaitTarget::Relative(1);
        self.card
            .wait_vblank(target, VblankWaitFlags::EVENT, self.pipeline.crtc_index, 0)
            .is_ok()
    }

    fn flipped(&self, event: CrtcEvent) {
        let mut state = self.lock();
        if !state.queue.is_pending() {
            return debug!(output = self.pipeline.name, "a flip that nobody waits for");
        }
        let is_picture = state
            .queue
            .incoming()
            .is_some_and(|shot| shot.scene.picture().is_some());
        let released = state.queue.flipped();
        let was_waiting = state.is_back_to_back;
        state
            .counter
            .flipped(event.sequence, event.time, was_waiting);
        let has_more = state.advance();
        state.is_back_to_back = has_more;
        state.releasing += u32::from(released.is_some());
        self.notify(&state);
        drop(state);

        if has_more && let Err(error) = self.commit_begun() {
            self.report(error);
        }
        if let Some(shot) = released {
            drop(shot.keep);
            drop(shot.scene);
            let mut state = self.lock();
            state.releasing -= 1;
            self.notify(&state);
        }
        if is_picture {
            self.tell(OutputEvent::Shown {
                sequence: event.sequence,
                time: event.time,
            });
        }
    }

    fn retry(&self) {
        let is_busy = {
            let state = self.lock();
            state.queue.is_pending() && state.attempts > 0
        };
        if is_busy && let Err(error) = self.commit_begun() {
            self.report(error);
        }
    }

    /// A frame that was taken cannot be shown: tells the listener, and the next `show()`.
    fn report(&self, error: CommitError) {
        error!(output = self.pipeline.name, %error, "a frame is lost");
        let error = Arc::new(error);
        let mut state = self.lock();
        if !state.is_gone() {
            let is_gone = matches!(*error, CommitError::Gone { .. });
            let wrap = if is_gone {
                Failure::Device
            } else {
                Failure::Frame
            };
            state.failure = wrap(Arc::clone(&error));
        }
        self.notify(&state);
        drop(state);
        self.tell(OutputEvent::Lost(error));
    }

    fn tell(&self, event: OutputEvent) {
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(listener) = listener {
            listener(event);
        }
    }

    fn flip_timeout(&self) -> CommitError {
        if self.is_device_gone() {
            return self.gone();
        }
        CommitError::FlipTimeout {
            output: self.pipeline.name.clone(),
            seconds: FLIP_TIMEOUT.as_secs(),
        }
    }

    /// Puts back what was found; darkness where that cannot be, such as when its framebuffer is gone.
    fn restore(&self) {
        let mut atomic = self.atomic.lock().unwrap_or_else(PoisonError::into_inner);
        let found = atomic.restoration();
        if found.is_empty() {
            return;
        }
        let Err(error) = self.card.commit(&found, AtomicCommitFlags::ALLOW_MODESET) else {
            atomic.applied(&found);
            return debug!(output = self.pipeline.name, "restored");
        };
        debug!(output = self.pipeline.name, %error, "what was found cannot be put back, switching off");
        let dark = atomic.darkness(&self.pipeline);
        if let Err(error) = self
            .card
            .commit(&dark.all(), AtomicCommitFlags::ALLOW_MODESET)
        {
            warn!(output = self.pipeline.name, %error, "the output cannot be switched off");
        }
    }

    /// Wakes whoever waits. With nobody waiting it costs no system call.
    fn notify(&self, state: &State) {
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

    fn wait_until<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        timeout: Duration,
        mut is_done: impl FnMut(&State) -> bool,
    ) -> MutexGuard<'a, State> {
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
    fn is_gone(&self) -> bool {
        matches!(self.failure, Failure::Device(_))
    }

    fn begin(&mut self, shot: Shot) {
        self.queue.begin(shot);
        self.begun = Instant::now();
        self.attempts = 0;
        self.is_back_to_back = false;
    }

    /// Begins whatever waits: the parked frame, or a writeback of the shown one.
    fn advance(&mut self) -> bool {
        if let Some(parked) = self.queue.take_parked() {
            self.begin(parked);
            true
        } else if self.job.is_some() && self.queue.shown().is_some() {
            self.queue.begin_same();
            self.begun = Instant::now();
            true
        } else {
            false
        }
    }
}

impl Route for FlipLoop {
    fn event(&self, event: CrtcEvent) {
        match event.kind {
            EventKind::Flip => self.flipped(event),
            EventKind::Vblank => self.retry(),
        }
    }

    fn tick(&self) {
        let mut state = self.lock();
        if !state.queue.is_pending() || state.begun.elapsed() < FLIP_TIMEOUT {
            return;
        }
        let freed = [state.queue.failed(), state.queue.take_parked()];
        self.notify(&state);
        drop(state);
        self.report(self.flip_timeout());
        drop(freed);
    }
}

impl fmt::Debug for FlipLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlipLoop")
            .field("output", &self.pipeline.name)
            .finish_non_exhaustive()
    }
}
