//! What is to be done: settled between caps, and again when the user wants something else.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::{CAT, Convert};
use super::job::{Job, Wishes};
use super::task::Task;
use crate::caps::VideoCaps;
use crate::report::chain;

impl Convert {
    /// What is to be done between these caps, and by whom; nothing, where frames pass as they are.
    pub(super) fn settle(
        &self,
        incaps: &gst::Caps,
        outcaps: &gst::Caps,
        wishes: Wishes,
    ) -> Result<Option<Task>, Box<dyn std::error::Error>> {
        let (from, to) = (VideoCaps::parse(incaps)?, VideoCaps::parse(outcaps)?);
        let job = Job::new(from, to, wishes)?;
        if job.is_nothing() {
            return Ok(None);
        }
        let (backend, objections) = self.backends().choose(&job)?;
        gst::info!(CAT, imp = self, "{job} by {}; {objections}", backend.name());
        Ok(Some(Task::new(job, incaps, backend, objections)))
    }

    pub(super) fn put_task(&self, task: Option<Task>, wishes: Wishes) {
        self.obj().set_passthrough(task.is_none());
        self.state().settled = Some(wishes);
        self.replace_task(task.map(Arc::new));
        let latency = gst::message::Latency::builder().src(&*self.obj()).build();
        if let Err(error) = self.obj().post_message(latency) {
            gst::debug!(CAT, imp = self, "nobody asks for the latency: {error}");
        }
    }

    /// Whether the user wants something else than when caps were settled.
    pub(super) fn has_other_wishes(&self, wishes: Wishes) -> bool {
        let settled = self.state().settled;
        settled.is_some_and(|settled| settled != wishes)
    }

    /// Settles anew with the caps that there are. The base class asks for pools again afterwards, and for caps if others are
    /// needed; so that these are not enough is no error yet.
    pub(super) fn settle_again(&self, wishes: Wishes) {
        let pads = (
            self.obj().sink_pad().current_caps(),
            self.obj().src_pad().current_caps(),
        );
        let (Some(incaps), Some(outcaps)) = pads else {
            return;
        };
        match self.settle(&incaps, &outcaps, wishes) {
            Ok(task) => self.put_task(task, wishes),
            Err(error) => gst::debug!(CAT, imp = self, "other caps are needed: {error}"),
        }
        self.obj().reconfigure_src();
    }

    pub(super) fn not_negotiated(&self, error: &dyn std::error::Error) -> gst::LoggableError {
        let text = chain(error);
        gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{text}"));
        gst::loggable_error!(CAT, "{text}")
    }
}
