//! What the element knows of its work.

use std::sync::{Arc, MutexGuard};

use super::choice::Backends;
use super::imp::Convert;
use super::job::Wishes;
use super::task::Task;
use crate::sync::lock;

#[derive(Debug, Default)]
pub(super) struct State {
    /// From READY to NULL.
    pub(super) backends: Option<Arc<Backends>>,
    /// From caps to caps; none where there is nothing to do.
    pub(super) task: Option<Arc<Task>>,
    /// What the user wanted when that was settled.
    pub(super) settled: Option<Wishes>,
    /// Who did the last one, and why not others.
    pub(super) chosen: (String, String),
    /// The last question that had no answer, which is told once.
    pub(super) refused: Option<gst::Caps>,
}

impl Convert {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub(super) fn backends(&self) -> Arc<Backends> {
        self.state().backends.clone().unwrap_or_default()
    }

    /// As if these had been found and caps had come.
    #[cfg(test)]
    pub(super) fn start_with(&self, backends: Backends, task: Task) {
        let mut state = self.state();
        state.backends = Some(Arc::new(backends));
        state.task = Some(Arc::new(task));
    }

    /// The frames that follow are made by `task`, of these backends, instead of by one that failed.
    pub(super) fn hand_over(&self, left: Backends, task: &Arc<Task>) {
        self.effort.count_fallback();
        self.state().backends = Some(Arc::new(left));
        self.replace_task(Some(Arc::clone(task)));
    }

    /// The frames that follow are made by `task`, or by nobody.
    pub(super) fn replace_task(&self, task: Option<Arc<Task>>) {
        let chosen = match &task {
            Some(task) => (task.backend.name().to_owned(), task.objections.clone()),
            None => ("none".to_owned(), "there is nothing to do".to_owned()),
        };
        let before = {
            let mut state = self.state();
            state.chosen = chosen;
            std::mem::replace(&mut state.task, task.clone())
        };
        if let (Some(task), Some(before)) = (task, before) {
            task.inherit(&before);
        }
    }
}
