//! What the event thread does for an output.

use std::sync::{Arc, PoisonError};

use tracing::{debug, error};

use super::contain::contain;
use super::flip::{FLIP_TIMEOUT, FlipLoop};
use super::state::{Failure, Hold};
use super::{CommitError, OutputEvent};
use crate::events::{CrtcEvent, EventKind, Route};

impl Route for FlipLoop {
    fn event(&self, event: CrtcEvent) {
        match event.kind {
            EventKind::Flip => self.flipped(event),
            EventKind::Vblank => self.retry(),
        }
    }

    fn tick(&self) {
        let mut state = self.lock();
        state.seconds += 1;
        if !state.queue.is_pending() || state.seconds < FLIP_TIMEOUT.as_secs() {
            return;
        }
        let freed = state.queue.failed();
        self.notify(state);
        self.report(self.flip_timeout());
        drop(freed);
    }
}

impl FlipLoop {
    /// The next commit goes out first, then what has left the screen is given back, then the listener
    /// hears of it; all without a lock.
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
        state.releasing += u32::from(released.is_some());
        self.notify(state);

        if has_more && let Err(error) = self.commit_begun() {
            self.report(error);
        }
        if released.is_some() {
            drop(released);
            let mut state = self.lock();
            state.releasing -= 1;
            self.notify(state);
        }
        if is_picture {
            self.tell(OutputEvent::Shown {
                sequence: event.sequence,
                time: event.time,
            });
        }
    }

    fn retry(&self) {
        let is_due = self.lock().hold == Hold::Refresh;
        if is_due && let Err(error) = self.commit_begun() {
            self.report(error);
        }
    }

    /// A frame that was taken cannot be shown: tells the listener, and the next `show()`.
    pub(super) fn report(&self, error: CommitError) {
        error!(output = self.pipeline.name, %error, "a frame is lost");
        let error = Arc::new(error);
        let mut state = self.lock();
        if !state.is_gone() {
            state.failure = Failure::new(&error);
        }
        self.notify(state);
        self.tell(OutputEvent::Lost(error));
    }

    fn tell(&self, event: OutputEvent) {
        let listener = self
            .listener
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(listener) = listener {
            contain("the listener of an output", || listener(event));
        }
    }
}
