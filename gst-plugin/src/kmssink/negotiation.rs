//! Caps and buffer pools: what upstream asks and what it is told.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::display::Display;
use super::imp::{CAT, KmsSink};
use super::stream::Stream;
use crate::pool::{HeapPool, PoolEvent, Writer};
use crate::report;
use crate::sink::refusal;
use crate::sync::lock;
use crate::upstream::Upstream;

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
        Ok(())
    }

    /// The answer to an ALLOCATION query: a pool of the heap, and the metas that are understood.
    pub(super) fn propose(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let (caps, need_pool) = query.get_owned();
        let caps =
            caps.ok_or_else(|| gst::loggable_error!(CAT, "an ALLOCATION query without caps"))?;
        let stream =
            Stream::from_caps(&caps).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        if need_pool && stream.video.is_linear() {
            let (pool, size) = self
                .pool_for(&stream)
                .map_err(|text| gst::loggable_error!(CAT, "{text}"))?;
            query.add_allocation_pool(Some(&pool), size, HELD_FRAMES + 1, 0);
        }
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        query.add_allocation_meta::<gst_video::VideoCropMeta>(None);
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

    /// A pool of ours failed under upstream's hands.
    fn pool_failed(&self, event: &PoolEvent<'_>) {
        let obj = self.obj();
        let upstream = Upstream::find(obj.sink_pad());
        let source = self.state().heap.clone();
        if let Some(source) = source {
            report::pool_failed(obj.upcast_ref(), event, upstream.as_ref(), &source);
        }
    }

    /// A pool for frames like these, and the size of a buffer. Each query gets its own: an active pool cannot change.
    fn pool_for(&self, stream: &Stream) -> Result<(HeapPool, u32), String> {
        let source = self.state().heap.clone().ok_or("the sink is stopped")?;
        let size = HeapPool::buffer_size(&stream.video).map_err(|error| error.to_string())?;
        let element = self.obj().downgrade();
        let listener = move |event: PoolEvent<'_>| {
            if let Some(element) = element.upgrade() {
                element.imp().pool_failed(&event);
            }
        };
        let pool = HeapPool::new(source, Arc::clone(&self.path), Box::new(listener));
        let imports =
            Upstream::find(self.obj().sink_pad()).is_some_and(|upstream| upstream.imports);
        pool.set_writer(if imports {
            Writer::V4l2
        } else {
            Writer::Element
        });
        Ok((pool, size))
    }
}
