//! A job, who does it, and how far that has come.

use std::sync::{Arc, Mutex};

use super::backend::{Backend, Worker};
use super::job::Job;
use super::window::Window;
use crate::copier::Copier;
use crate::judged::Judged;
use crate::sync::lock;

/// From one set of caps to the next.
#[derive(Debug)]
pub(super) struct Task {
    /// What the caps say.
    pub settled: Job,
    /// Where the pictures lie; `None`: they are all that is in memory.
    pub window: Option<Window>,
    /// What is to be done with what is in memory.
    pub job: Job,
    pub caps: gst::Caps,
    pub backend: Arc<dyn Backend>,
    /// Why the others do not do it.
    pub objections: String,
    /// From the first frame.
    pub worker: Mutex<Option<Box<dyn Worker>>>,
    /// From the first frame that has to be copied.
    pub copier: Mutex<Option<Arc<Copier>>>,
    /// What the backend made of memory that is not ours.
    pub judged: Judged,
    /// Why it does the work of another one, until the application has been told.
    pub took_over: Mutex<Option<String>>,
}

impl Task {
    pub(super) fn new(
        job: Job,
        caps: &gst::Caps,
        backend: Arc<dyn Backend>,
        objections: String,
    ) -> Self {
        Self {
            settled: job.clone(),
            window: None,
            job,
            caps: caps.clone(),
            backend,
            objections,
            worker: Mutex::default(),
            copier: Mutex::default(),
            judged: Judged::default(),
            took_over: Mutex::default(),
        }
    }

    /// The rest of `before`, by another backend, for that `reason`.
    pub(super) fn taking_over(
        before: &Self,
        backend: Arc<dyn Backend>,
        objections: String,
        reason: String,
    ) -> Self {
        Self {
            took_over: Mutex::new(Some(reason)),
            ..Self::looking_through(
                before,
                before.window,
                before.job.clone(),
                backend,
                objections,
            )
        }
    }

    /// What `before` does, on pictures that lie elsewhere, where this is that job.
    pub(super) fn looking_through(
        before: &Self,
        window: Option<Window>,
        job: Job,
        backend: Arc<dyn Backend>,
        objections: String,
    ) -> Self {
        Self {
            settled: before.settled.clone(),
            window,
            ..Self::new(job, &before.caps, backend, objections)
        }
    }

    /// Has what was not told of `before` told of this one.
    pub(super) fn inherit(&self, before: &Self) {
        let untold = lock(&before.took_over).take();
        let mut own = lock(&self.took_over);
        if own.is_none() {
            *own = untold;
        }
    }
}
