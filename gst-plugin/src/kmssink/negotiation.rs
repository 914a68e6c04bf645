//! Caps and buffer pools: what upstream asks and what it is told.

use std::sync::Arc;

use dmabuf_heap::Importer;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::display::Display;
use super::imp::{CAT, KmsSink};
use super::stream::Stream;
use crate::caps::VideoCaps;
use crate::heap::{self, HeapSource};
use crate::pool::{HeapPool, PoolEvent, Proposal, Users};
use crate::query;
use crate::report;
use crate::sink::refusal;
use crate::sync::lock;
use crate::upstream::Upstream;
use crate::zero_copy::ZeroCopy;

/// Frames that the sink holds at most: one on screen, one on its way there, one that waits.
const HELD_FRAMES: u32 = 3;

impl KmsSink {
    /// The answer to a CAPS query: what the display takes of what is asked.
    pub(super) fn answer_caps(&self, filter: Option<&gst::Caps>, display: &Display) -> gst::Caps {
        let Some(filter) = filter else {
            return display.caps.clone();
        };
        let answer = filter.intersect_with_mode(&display.caps, gst::CapsIntersectMode::First);
        if answer.is_empty() && !self.obj().sink_pad().has_current_caps() {
            self.warn_refused(filter, display);
        }
        answer
    }

    /// Looks whether upstream has anything that the display takes. A source that asks without a filter, as `v4l2src`
    /// does, cannot be answered with a reason later.
    pub(super) fn look_upstream(&self) {
        let display = self.state().display.clone();
        let offered = self.obj().sink_pad().peer_query_caps(None);
        if let Some(display) = display
            && !offered.can_intersect(&display.caps)
        {
            self.warn_refused(&offered, &display);
        }
    }

    /// Chooses a plane for frames of these caps, after those of the caps before have been given back.
    pub(super) fn accept_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let stream =
            Stream::from_caps(caps).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        let output = {
            let state = self.state();
            if state
                .stream
                .as_ref()
                .is_some_and(|stream| stream.caps == *caps)
            {
                return Ok(());
            }
            let output = state.output.clone();
            output.ok_or_else(|| gst::loggable_error!(CAT, "caps {caps} without an output"))?
        };
        self.drain_before(caps);
        let (format, info) = (stream.video.format(), stream.video.info());
        output
            .configure(format, info.width(), info.height())
            .map_err(|error| {
                let text = report::chain(&error);
                gst::element_imp_error!(self, gst::CoreError::Negotiation, ("{text}"));
                gst::loggable_error!(CAT, "{text}")
            })?;
        gst::debug!(CAT, imp = self, "{caps} on plane {:?}", output.plane_id());
        self.state().stream = Some(Arc::new(stream));
        self.forget_refusals();
        Ok(())
    }

    /// The answer to an ALLOCATION query: who will import the frames, a pool that suits, and the metas that are
    /// understood.
    pub(super) fn propose(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let (caps, need_pool) = query.get_owned();
        let caps =
            caps.ok_or_else(|| gst::loggable_error!(CAT, "an ALLOCATION query without caps"))?;
        let stream =
            Stream::from_caps(&caps).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        let importer = self.state().importer.clone();
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        query.add_allocation_meta::<gst_video::VideoCropMeta>(None);
        if need_pool && stream.video.is_linear() {
            self.propose_pool(query, &stream.video, importer.clone())?;
        }
        if let Some(importer) = importer {
            query::add_importer(query, stream.video.picture(), importer);
        }
        Ok(())
    }

    fn propose_pool(
        &self,
        query: &mut gst::query::Allocation,
        video: &VideoCaps,
        importer: Option<Arc<dyn Importer>>,
    ) -> Result<(), gst::LoggableError> {
        let source = self.state().heap.clone();
        let source = source.ok_or_else(|| gst::loggable_error!(CAT, "the sink is stopped"))?;
        let pool = self.new_pool(source, importer);
        let Proposal { size, layout } = pool.proposal(video).map_err(|error| {
            let text = report::chain(&error);
            gst::element_imp_error!(self, gst::ResourceError::Settings, ("{text}"));
            gst::loggable_error!(CAT, "{text}")
        })?;
        query.add_allocation_pool(Some(&pool), size, HELD_FRAMES + 1, 0);
        query::describe_layout(query, video.info(), &layout, size);
        Ok(())
    }

    /// Tells once per distinct question why it got no answer: upstream will only say `not-negotiated`.
    pub(super) fn warn_refused(&self, asked: &gst::Caps, display: &Display) {
        if asked.is_empty() || !lock(&self.refusals).is_new(asked) {
            return;
        }
        let text = refusal::explain(asked, &display.caps, &display.name());
        gst::element_imp_warning!(
            self,
            gst::CoreError::Negotiation,
            ("{text}"),
            ["asked {asked}, taken {}", display.caps]
        );
    }

    /// A pool for whoever is upstream. Each query gets its own: an active pool cannot change.
    fn new_pool(&self, source: Arc<HeapSource>, importer: Option<Arc<dyn Importer>>) -> HeapPool {
        let element = self.obj().downgrade();
        let listener = move |event: PoolEvent<'_>| {
            let Some(element) = element.upgrade() else {
                return;
            };
            let imp = element.imp();
            let source = imp.state().heap.clone();
            if let Some(source) = source {
                let pad = element.sink_pad();
                report::pool_event(element.upcast_ref(), &event, pad, &source, &imp.path);
            }
        };
        let upstream = Upstream::find(self.obj().sink_pad());
        let settings = self.settings();
        let may_copy = settings.zero_copy != ZeroCopy::Required && settings.heap == heap::AUTO;
        let users = Users::behind(upstream.as_ref(), &self.path)
            .for_readers(importer.into_iter().collect(), may_copy);
        HeapPool::new(source, users, Arc::clone(&self.path), Box::new(listener))
    }
}
