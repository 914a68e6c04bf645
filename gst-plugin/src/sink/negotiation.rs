//! Caps and buffer pools: what upstream asks and what it is told.

use std::sync::{Arc, Weak};

use dmabuf_heap::Importer;
use gst::prelude::*;
use gst_base::prelude::*;

use super::presenter::{Display, Presenter};
use super::refusal;
use super::state::SinkCore;
use super::stream::Stream;
use crate::caps::VideoCaps;
use crate::heap::HeapSource;
use crate::pool::{HeapPool, PoolEvent, Proposal};
use crate::query;
use crate::report;
use crate::sync::lock;
use crate::upstream::Upstream;
use crate::zero_copy::ZeroCopy;

impl<P: Presenter> SinkCore<P> {
    /// The answer to a CAPS query: what the display takes of what is asked; `None` before it is open.
    pub(crate) fn answer_caps(
        &self,
        element: &gst_base::BaseSink,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let display = self.display()?;
        let Some(filter) = filter else {
            return Some(display.caps().clone());
        };
        let answer = filter.intersect_with_mode(display.caps(), gst::CapsIntersectMode::First);
        if answer.is_empty() && !element.sink_pad().has_current_caps() {
            self.warn_refused(element, filter, &display);
        }
        Some(answer)
    }

    /// Prepares for frames of these caps, after those of the caps before have been given back.
    pub(crate) fn accept_caps(
        &self,
        element: &gst_base::BaseSink,
        caps: &gst::Caps,
    ) -> Result<(), gst::LoggableError> {
        let cat = P::category();
        let video = VideoCaps::parse(caps).map_err(|error| gst::loggable_error!(cat, "{error}"))?;
        let presenter = {
            let state = self.state();
            if state.stream.as_ref().is_some_and(|it| it.caps == *caps) {
                return Ok(());
            }
            let presenter = state.presenter.clone();
            presenter.ok_or_else(|| gst::loggable_error!(cat, "caps {caps} without a display"))?
        };
        if self.settings().memory.zero_copy == ZeroCopy::Required
            && let Some(why) = presenter.imports_nothing()
        {
            report::every_copy_forbidden(element.upcast_ref(), &why);
            return Err(gst::loggable_error!(cat, "{why}"));
        }
        self.drain_before(element, caps);
        presenter.configure(&video).map_err(|message| {
            let error = gst::loggable_error!(cat, "{caps} cannot be shown");
            element.post_error_message(message);
            error
        })?;
        gst::debug!(cat, obj = element, "frames of {caps} from now on");
        self.state().stream = Some(Arc::new(Stream::new(caps.clone(), video)));
        self.forget_refusals();
        Ok(())
    }

    /// The answer to an ALLOCATION query: who will import the frames, a pool that suits, and the metas that are
    /// understood.
    pub(crate) fn propose(
        self: &Arc<Self>,
        element: &gst_base::BaseSink,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let cat = P::category();
        let (caps, need_pool) = query.get_owned();
        let caps =
            caps.ok_or_else(|| gst::loggable_error!(cat, "an ALLOCATION query without caps"))?;
        let video =
            VideoCaps::parse(&caps).map_err(|error| gst::loggable_error!(cat, "{error}"))?;
        let importer = self.state().importer.clone();
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        query.add_allocation_meta::<gst_video::VideoCropMeta>(None);
        if need_pool && video.is_linear() {
            self.propose_pool(element, query, &video, importer.clone())?;
        }
        if let Some(importer) = importer {
            query::add_importer(query, video.picture(), importer);
        }
        Ok(())
    }

    /// Follows a query that the base class has handled: the display has the last word on caps, and those that are refused
    /// are talked about.
    pub(crate) fn queried(&self, element: &gst_base::BaseSink, query: &mut gst::QueryRef) {
        let (gst::QueryViewMut::AcceptCaps(accept), Some(display)) =
            (query.view_mut(), self.display())
        else {
            return;
        };
        let caps = accept.caps_owned();
        if let Some(accepted) = display.accepts(&caps) {
            accept.set_result(accepted);
        }
        if !accept.result() {
            self.warn_refused(element, &caps, &display);
        }
    }

    /// Looks whether upstream has anything that the display takes. A source that asks without a filter, as `v4l2src`
    /// does, cannot be answered with a reason later.
    pub(super) fn look_upstream(&self, element: &gst_base::BaseSink) {
        let offered = element.sink_pad().peer_query_caps(None);
        if let Some(display) = self.display()
            && !offered.can_intersect(display.caps())
        {
            self.warn_refused(element, &offered, &display);
        }
    }

    /// Tells once per distinct question why it got no answer: upstream will only say `not-negotiated`.
    fn warn_refused(&self, element: &gst_base::BaseSink, asked: &gst::Caps, display: &P::Display) {
        if asked.is_empty() || !lock(&self.refusals).is_new(asked) {
            return;
        }
        let text = match display.objection(asked) {
            Some(objection) => objection,
            None => refusal::explain(asked, display.caps(), &display.name()),
        };
        gst::element_warning!(
            element,
            gst::CoreError::Negotiation,
            ("{text}"),
            ["asked {asked}, taken {}", display.caps()]
        );
    }

    fn propose_pool(
        self: &Arc<Self>,
        element: &gst_base::BaseSink,
        query: &mut gst::query::Allocation,
        video: &VideoCaps,
        importer: Option<Arc<dyn Importer>>,
    ) -> Result<(), gst::LoggableError> {
        let source = self.heap();
        let source =
            source.ok_or_else(|| gst::loggable_error!(P::category(), "the sink is stopped"))?;
        let pool = self.new_pool(element, source, importer);
        let Proposal { size, layout } = self.answers.proposal(&pool, video).map_err(|error| {
            let text = report::chain(&error);
            gst::element_error!(element, gst::ResourceError::Settings, ("{text}"));
            gst::loggable_error!(P::category(), "{text}")
        })?;
        query.add_allocation_pool(Some(&pool), size, P::HELD_FRAMES + 1, 0);
        query::describe_layout(query, video.info(), &layout, size);
        Ok(())
    }

    /// A pool for whoever is upstream. Each query gets its own: an active pool cannot change.
    fn new_pool(
        self: &Arc<Self>,
        element: &gst_base::BaseSink,
        source: Arc<HeapSource>,
        importer: Option<Arc<dyn Importer>>,
    ) -> HeapPool {
        let upstream = Upstream::find(element.sink_pad());
        let may_copy = self.settings().memory.readers_may_copy();
        let users = self
            .answers
            .users_behind(upstream.as_ref(), &self.path)
            .for_readers(importer.into_iter().collect(), may_copy);
        let (core, element) = (Arc::downgrade(self), element.downgrade());
        let listener = move |event: PoolEvent<'_>| {
            if let (Some(core), Some(element)) = (Weak::upgrade(&core), element.upgrade()) {
                core.hear_pool(&element, &event);
            }
        };
        HeapPool::new(source, users, Arc::clone(&self.path), Box::new(listener))
    }

    fn hear_pool(&self, element: &gst_base::BaseSink, event: &PoolEvent<'_>) {
        if let Some(source) = self.heap() {
            let pad = element.sink_pad();
            report::pool_event(element.upcast_ref(), event, pad, &source, &self.path);
        }
    }
}
