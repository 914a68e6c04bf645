//! Making commits, and what becomes of those that fail.

use std::io;
use std::sync::{Arc, PoisonError};

use drm::control::AtomicCommitFlags;
use drm::{Device as _, VblankWaitFlags, VblankWaitTarget};
use rustix::io::Errno;
use tracing::{debug, trace, warn};

use super::CommitError;
use super::flip::{FLIP_TIMEOUT, FlipLoop};
use super::solve::{is_refusal, modeset_flag};
use super::state::Hold;
use crate::atomic::Scene;
use crate::writeback::Job;

/// How many refreshes a busy CRTC is waited for.
const BUSY_ATTEMPTS: u32 = 120;

impl FlipLoop {
    /// Commits what has begun. If that fails its frame is given back, and whatever waits has its turn.
    pub(super) fn commit_begun(&self) -> Result<(), CommitError> {
        let Err(source) = self.try_commit() else {
            return Ok(());
        };
        let error = self.failure(source);
        let mut state = self.lock();
        let freed = state.queue.failed();
        let has_more = state.advance();
        self.notify(state);
        drop(freed);
        if has_more && let Err(error) = self.commit_begun() {
            self.report(error);
        }
        Err(error)
    }

    /// One attempt. A busy CRTC counts as success: it is tried again at the next refresh.
    fn try_commit(&self) -> io::Result<()> {
        let (scene, job) = {
            let mut state = self.lock();
            let job = state.job.take();
            state.hold = if job.is_some() {
                Hold::Writeback
            } else {
                Hold::Nothing
            };
            (state.queue.next().map(|shot| shot.scene.clone()), job)
        };
        let scene = scene.unwrap_or(Scene::Blank);
        let result = self.commit_scene(&scene, job.as_deref());
        if let Err(error) = &result
            && is_errno(error, Errno::BUSY)
            && self.retry_later(job.as_ref())
        {
            return Ok(());
        }
        let Some(job) = job else { return result };
        if let Err(error) = &result {
            job.refused(copy(error));
        }
        if job.is_refused() {
            self.end_writeback();
        }
        result
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
        match (self.card.commit(&changes.all(), flags), job) {
            (Ok(()), job) => {
                atomic.applied(&changes.lasting);
                drop(atomic);
                self.lock().counter.committed();
                job.map(Job::committed);
                Ok(())
            }
            // The picture must not suffer from somebody who wants a copy of it.
            (Err(error), Some(job)) if is_refusal(&error) => {
                drop(atomic);
                job.refused(error);
                self.commit_scene(scene, None)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Asks for an event at the next refresh, to try again then; false if it is time to give up.
    fn retry_later(&self, job: Option<&Arc<Job>>) -> bool {
        let mut state = self.lock();
        state.attempts += 1;
        if state.attempts > BUSY_ATTEMPTS {
            return false;
        }
        state.hold = Hold::Refresh;
        state.job = job.cloned();
        drop(state);
        let target = VblankWaitTarget::Relative(1);
        let index = self.pipeline.crtc_index;
        let is_asked = self
            .card
            .wait_vblank(target, VblankWaitFlags::EVENT, index, 0)
            .is_ok();
        if !is_asked {
            let mut state = self.lock();
            state.hold = Hold::Nothing;
            state.job = None;
        }
        is_asked
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

    pub(super) fn flip_timeout(&self) -> CommitError {
        if self.card.is_gone() {
            return self.gone();
        }
        let output = self.pipeline.name.clone();
        CommitError::FlipTimeout {
            output,
            seconds: FLIP_TIMEOUT.as_secs(),
        }
    }

    /// Puts back what was found; darkness where that cannot be, such as when its framebuffer is gone.
    pub(super) fn restore(&self) {
        let mut atomic = self.atomic.lock().unwrap_or_else(PoisonError::into_inner);
        let found = atomic.restoration();
        if found.is_empty() {
            return;
        }
        let Err(error) = self.card.commit(&found, AtomicCommitFlags::ALLOW_MODESET) else {
            atomic.applied(&found);
            return debug!(output = self.pipeline.name, "restored");
        };
        if is_errno(&error, Errno::ACCESS) {
            return debug!(
                output = self.pipeline.name,
                "left to the master of the card"
            );
        }
        debug!(output = self.pipeline.name, %error, "what was found cannot be put back, switching off");
        let dark = atomic.darkness(&self.pipeline);
        if let Err(error) = self
            .card
            .commit(&dark.all(), AtomicCommitFlags::ALLOW_MODESET)
        {
            warn!(output = self.pipeline.name, %error, "the output cannot be switched off");
        }
    }
}

pub(super) fn is_errno(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

/// The same error once more, for a second one who waits for it.
fn copy(error: &io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
