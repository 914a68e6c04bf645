//! The answer to ALLOCATION queries, and what becomes of the pools in it.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_video::VideoMeta;

use super::imp::{CAT, HeapAlloc};
use super::settings::Settings;
use crate::allocator::HeapAllocator;
use crate::caps::VideoCaps;
use crate::heap::HeapSource;
use crate::pool::{HeapPool, Proposal};
use crate::query;
use crate::report::chain;
use crate::upstream::Upstream;

impl HeapAlloc {
    /// Puts our pool and allocator in front of those of downstream, and keeps its metas.
    pub(super) fn propose(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let (Some(caps), _need_pool) = query.get_owned() else {
            return Err(gst::loggable_error!(CAT, "ALLOCATION query without caps"));
        };
        let video =
            VideoCaps::parse(&caps).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        let readers = query::importers_of(query, &video.picture());
        gst::debug!(CAT, imp = self, "downstream imports {readers:?}");
        self.remember_readers(&readers);
        if !video.is_linear() {
            gst::debug!(
                CAT,
                imp = self,
                "{} is for its driver to allocate",
                video.format()
            );
            return Ok(());
        }
        let (outlet, element) = (&self.outlet, self.obj());
        let source = outlet.source();
        let source = source.ok_or_else(|| gst::loggable_error!(CAT, "no heap is open"))?;
        let upstream = self.look_upstream();
        let users = self.answers.users_behind(upstream.as_ref(), outlet.stats());
        let users = outlet.with_readers(element.upcast_ref(), users, readers);
        let pool = outlet
            .pool(element.upcast_ref(), users)
            .ok_or_else(|| gst::loggable_error!(CAT, "no heap is open"))?;
        let proposal = self.answers.proposal(&pool, &video).map_err(|error| {
            let text = chain(&error);
            gst::element_imp_error!(self, gst::ResourceError::Settings, ("{caps}: {text}"));
            gst::loggable_error!(CAT, "{text}")
        })?;

        self.put_first(query, &pool, &proposal);
        self.put_allocator(query, &source);
        if query.find_allocation_meta::<VideoMeta>().is_some() {
            query::describe_layout(query, video.info(), &proposal.layout, proposal.size);
        }
        Ok(())
    }

    /// Finds out who will write the frames, and warns where no pool can reach them.
    fn look_upstream(&self) -> Option<Upstream> {
        let upstream = Upstream::find(self.obj().sink_pad());
        gst::debug!(CAT, imp = self, "upstream is {upstream:?}");
        let importer = upstream.as_ref().filter(|upstream| upstream.imports);
        if let Some(tee) = importer.and_then(|importer| importer.tee.as_ref()) {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Settings,
                (
                    "the tee {tee} hands no pool upstream, so nothing can be imported from here; put {} before it",
                    self.obj().name()
                )
            );
        }
        upstream
    }

    fn put_first(&self, query: &mut gst::query::Allocation, pool: &HeapPool, proposal: &Proposal) {
        let Settings {
            min_buffers,
            max_buffers,
            ..
        } = self.settings();
        let downstream: Vec<_> = query.allocation_pools().collect();
        let min = downstream
            .first()
            .map_or(0, |&(_, _, min, _)| min)
            .max(min_buffers);
        let max = if max_buffers == 0 {
            0
        } else {
            max_buffers.max(min)
        };
        pool.require(min_buffers);
        let size = proposal.size;
        gst::debug!(
            CAT,
            imp = self,
            "proposing {min} to {max} buffers of {size} bytes"
        );
        if downstream.is_empty() {
            query.add_allocation_pool(Some(pool), size, min, max);
        } else {
            query.set_nth_allocation_pool(0, Some(pool), size, min, max);
            for (pool, size, min, max) in downstream {
                query.add_allocation_pool(pool.as_ref(), size, min, max);
            }
        }
    }

    fn put_allocator(&self, query: &mut gst::query::Allocation, source: &Arc<HeapSource>) {
        let allocator = HeapAllocator::new(Arc::clone(source), Arc::clone(self.outlet.stats()));
        let params: Vec<_> = query.allocation_params().collect();
        match params.into_iter().next() {
            Some((_theirs, params)) => query.set_nth_allocation_param(0, Some(&allocator), params),
            None => query.add_allocation_param(Some(&allocator), gst::AllocationParams::default()),
        }
    }
}
