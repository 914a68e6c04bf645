//! Memory on both sides: what upstream is offered, and what goes downstream.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_video::VideoMeta;

use super::imp::{CAT, Convert};
use super::task::Task;
use crate::ffi::importers::ImportersMeta;
use crate::pool::{HeapPool, Users};
use crate::query;
use crate::report::chain;
use crate::sync::lock;
use crate::upstream::Upstream;

/// Frames of the output that are in this element at once: the one that is made.
const HELD: u32 = 1;

/// Frames of the input that are in this element at once: the one that is read.
const READ: u32 = 1;

impl Convert {
    /// Makes the pool of what goes out, of memory that the backend writes and those downstream import.
    pub(super) fn decide(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let outlet = &self.outlet;
        let (task, users) = self.ask_backend(self.task()?, |task| {
            task.backend.writer(&task.job, outlet.stats())
        })?;
        let decision = outlet
            .decide(self.obj().upcast_ref(), query, users, HELD)
            .map_err(|error| self.settings_error(&chain(&error)))?;
        forget_memory(query);
        // The device lets go of the frames of the pool before.
        let worker = lock(&task.worker).take();
        drop(worker);
        let (pool, buffers) = (&decision.pool, decision.buffers);
        let size = pool.config().params().map_or(0, |(_caps, size, ..)| size);
        if query.allocation_pools().next().is_some() {
            query.set_nth_allocation_pool(0, Some(pool), size, buffers, 0);
        } else {
            query.add_allocation_pool(Some(pool), size, buffers, 0);
        }
        Ok(())
    }

    /// Offers upstream memory that the backend reads.
    pub(super) fn propose(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let task = self.task()?;
        let (caps, need_pool) = query.get_owned();
        if caps.as_ref() != Some(&task.caps) {
            return Err(gst::loggable_error!(CAT, "a query about other caps"));
        }
        let (task, reader) = self.ask_backend(task, |task| {
            task.backend.reader(&task.job, self.outlet.stats())
        })?;
        query.add_allocation_meta::<VideoMeta>(None);
        query.add_allocation_meta::<gst_video::VideoCropMeta>(None);
        if need_pool {
            let upstream = Upstream::find(self.obj().sink_pad());
            let users = self
                .answers
                .users_behind(upstream.as_ref(), self.outlet.stats())
                .for_readers(
                    vec![Arc::clone(&reader)],
                    self.outlet.settings().readers_may_copy(),
                );
            self.propose_pool(query, &task, users)?;
        }
        query::add_importer(query, task.settled.from.picture(), reader);
        Ok(())
    }

    fn propose_pool(
        &self,
        query: &mut gst::query::Allocation,
        task: &Task,
        users: Users,
    ) -> Result<(), gst::LoggableError> {
        let pool = self.pool(users)?;
        let proposal = self
            .answers
            .proposal(&pool, &task.settled.from)
            .map_err(|error| self.settings_error(&chain(&error)))?;
        query.add_allocation_pool(Some(&pool), proposal.size, READ + 1, 0);
        query::describe_layout(
            query,
            task.settled.from.info(),
            &proposal.layout,
            proposal.size,
        );
        Ok(())
    }

    pub(super) fn pool(&self, users: Users) -> Result<HeapPool, gst::LoggableError> {
        let pool = self.outlet.pool(self.obj().upcast_ref(), users);
        pool.ok_or_else(|| gst::loggable_error!(CAT, "no heap is open"))
    }

    fn task(&self) -> Result<Arc<Task>, gst::LoggableError> {
        let task = self.state().task.clone();
        task.ok_or_else(|| gst::loggable_error!(CAT, "no caps yet"))
    }

    /// Tells the user, and GStreamer.
    fn settings_error(&self, text: &str) -> gst::LoggableError {
        gst::element_imp_error!(self, gst::ResourceError::Settings, ("{text}"));
        gst::loggable_error!(CAT, "{text}")
    }
}

/// Takes out what is about the memory of what goes out: that of what comes in is another.
fn forget_memory(query: &mut gst::query::Allocation) {
    while let Some(index) = query.find_allocation_meta::<ImportersMeta>() {
        query.remove_nth_allocation_meta(index);
    }
    while let Some(index) = query.find_allocation_meta::<VideoMeta>() {
        query.remove_nth_allocation_meta(index);
    }
}
