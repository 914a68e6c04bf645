//! The way of a frame through a backend.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::Frame;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::backend::{Effort, WorkError};
use super::imp::Convert;
use super::task::Task;
use crate::copier::{Copier, CopyError};
use crate::frame::frame_of;
use crate::origin::arrived_from_pool;
use crate::pool::Users;
use crate::report::{self, chain};
use crate::stats::{CopyReason, Counter, Path};
use crate::sync::lock;
use crate::zero_copy::ZeroCopy;

/// Why nothing came of a frame.
enum Failure {
    /// The backend failed, for this reason; another one may do it.
    Backend(String),
    /// Something else, and the element has said so.
    Told(gst::FlowError),
}

impl From<gst::FlowError> for Failure {
    fn from(error: gst::FlowError) -> Self {
        Self::Told(error)
    }
}

impl Convert {
    /// Makes what goes out of what comes in, by another backend where the one of the task fails.
    pub(super) fn convert(
        &self,
        task: Arc<Task>,
        source: &gst::BufferRef,
        target: &mut gst::BufferRef,
    ) -> Result<(), gst::FlowError> {
        self.outlet.stats().add(Counter::Frames, 1);
        let mut task = self.task_for(task, source)?;
        let to = frame_of(target, &task.job.to).map_err(|error| self.failed(&chain(&error)))?;
        let result = loop {
            match self.convert_to(&task, source, &to) {
                Ok(()) => break Ok(()),
                Err(Failure::Told(error)) => break Err(error),
                Err(Failure::Backend(why)) => match self.fall_back(&task, &why) {
                    Ok(next) => task = next,
                    Err(error) => break Err(error),
                },
            }
        };
        // What is written is seen as used by the pool that it came from.
        arrived_from_pool(target);
        result
    }

    fn convert_to(&self, task: &Task, source: &gst::BufferRef, to: &Frame) -> Result<(), Failure> {
        match frame_of(source, &task.job.from) {
            Ok(from) => match task.judged.find(&from).flatten() {
                Some(objection) => {
                    self.convert_copy(task, source, to, CopyReason::Refused, &objection)
                }
                None => self.convert_frame(task, source, (&from, to)),
            },
            Err(no_dmabuf) => {
                self.convert_copy(task, source, to, CopyReason::NotDmaBuf, &no_dmabuf)
            }
        }
    }

    /// Straight from the memory that came.
    fn convert_frame(
        &self,
        task: &Task,
        source: &gst::BufferRef,
        (from, to): (&Frame, &Frame),
    ) -> Result<(), Failure> {
        match self.work(task, from, to, time_of(source)) {
            Ok(()) => {}
            Err(WorkError::Refused(objection)) => {
                task.judged.insert(from, Some(objection.as_str().into()));
                return self.convert_copy(task, source, to, CopyReason::Refused, &objection);
            }
            Err(WorkError::Failed(why)) => return Err(Failure::Backend(why)),
        }
        let stats = self.outlet.stats();
        let (counter, path) = if arrived_from_pool(source) {
            (Counter::Imported, Path::Pool)
        } else {
            (Counter::Foreign, Path::Foreign)
        };
        stats.add(counter, 1);
        self.tell_path(task, path, "");
        Ok(())
    }

    /// By way of a copy in memory that the backend takes, unless copies are forbidden.
    fn convert_copy(
        &self,
        task: &Task,
        source: &gst::BufferRef,
        to: &Frame,
        reason: CopyReason,
        why: &dyn Display,
    ) -> Result<(), Failure> {
        if self.outlet.settings().zero_copy == ZeroCopy::Required {
            let obj = self.obj();
            report::copy_forbidden(obj.upcast_ref(), obj.sink_pad(), source, reason, why);
            return Err(gst::FlowError::Error.into());
        }
        let copied = self.copier(task).and_then(|copier| copier.copy(source));
        let copied = copied.map_err(|error| match error {
            CopyError::Pool(flow) => flow,
            CopyError::NoMemory(_told_by_the_pool) => gst::FlowError::Error,
            error => self.failed(&format!(
                "cannot copy a frame to the heap: {}",
                chain(&error)
            )),
        })?;
        let stats = self.outlet.stats();
        stats.count_copy(reason, copied.bytes);
        stats.add(Counter::SyncIoctls, copied.sync_ioctls);
        let from = frame_of(&copied.buffer, &task.job.from);
        let from = from.map_err(|error| self.failed(&chain(&error)))?;
        self.work(task, &from, to, time_of(source))
            .map_err(|error| Failure::Backend(error.to_string()))?;
        self.tell_path(task, Path::Copy, &why.to_string());
        Ok(())
    }

    /// Has the backend do it, which is started anew where frames lie in another way than before.
    fn work(&self, task: &Task, from: &Frame, to: &Frame, time: Duration) -> Result<(), WorkError> {
        let mut worker = lock(&task.worker);
        let is_ready = worker.as_ref().is_some_and(|it| it.fits(from, to));
        if !is_ready {
            // First, so that the device is free.
            drop(worker.take());
            let started = task.backend.start(&task.job, from, to);
            *worker = Some(started.map_err(WorkError::Failed)?);
        }
        let Some(working) = worker.as_mut() else {
            return Err(WorkError::Failed("no backend".to_owned()));
        };
        let effort = working.work(from, to, time);
        if matches!(effort, Err(WorkError::Failed(_))) {
            drop(worker.take());
        }
        self.count(effort?);
        Ok(())
    }

    fn count(&self, effort: Effort) {
        self.outlet
            .stats()
            .add(Counter::SyncIoctls, effort.sync_ioctls);
        self.effort.add(effort);
    }

    fn copier(&self, task: &Task) -> Result<Arc<Copier>, CopyError> {
        if let Some(copier) = lock(&task.copier).clone() {
            return Ok(copier);
        }
        let stats = self.outlet.stats();
        let no = |text: &str| glib::bool_error!("{text}");
        let reader = task
            .backend
            .reader(&task.job, stats)
            .map_err(|error| no(&error))?;
        let users = Users::of_copies(stats).for_readers(vec![reader], false);
        let pool = self.pool(users).map_err(|error| no(&error.to_string()))?;
        let caps = task.job.from.info().to_caps()?;
        let copier = Arc::new(Copier::new(pool, &caps, &task.job.from)?);
        *lock(&task.copier) = Some(Arc::clone(&copier));
        Ok(copier)
    }

    fn tell_path(&self, task: &Task, path: Path, reason: &str) {
        let (obj, took_over) = (self.obj(), lock(&task.took_over).take());
        let element = obj.upcast_ref();
        match took_over {
            Some(why) => self.outlet.tell_path_again(element, path, &why),
            None => self.outlet.tell_path(element, path, reason),
        }
    }

    fn failed(&self, text: &str) -> gst::FlowError {
        gst::element_imp_error!(self, gst::ResourceError::Failed, ("{text}"));
        gst::FlowError::Error
    }
}

fn time_of(source: &gst::BufferRef) -> Duration {
    source.pts().map_or(Duration::ZERO, Duration::from)
}
