//! The answer to ALLOCATION queries, and what becomes of the pools in it.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::{CAT, HeapAlloc};
use super::settings::Settings;
use crate::allocator::HeapAllocator;
use crate::caps::VideoCaps;
use crate::heap::HeapSource;
use crate::pool::{HeapPool, PoolEvent, PoolListener, Writer};
use crate::query;
use crate::report::{self, chain};
use crate::upstream::Upstream;

impl HeapAlloc {
    pub(super) fn new_pool(&self, source: &Arc<HeapSource>) -> HeapPool {
        let element = self.obj().downgrade();
        let listener: PoolListener = Box::new(move |event| {
            if let Some(element) = element.upgrade() {
                element.imp().on_pool_event(&event);
            }
        });
        HeapPool::new(Arc::clone(source), Arc::clone(&self.stats), listener)
    }

    /// Puts our pool and allocator in front of those of downstream, and keeps its metas as they are.
    pub(super) fn propose(
        &self,
        query: &mut gst::query::Allocation,
    ) -> Result<(), gst::LoggableError> {
        let (Some(caps), _need_pool) = query.get_owned() else {
            return Err(gst::loggable_error!(CAT, "ALLOCATION query without caps"));
        };
        let video =
            VideoCaps::parse(&caps).map_err(|error| gst::loggable_error!(CAT, "{error}"))?;
        if !video.is_linear() {
            gst::debug!(
                CAT,
                imp = self,
                "{} is for its driver to allocate",
                video.format()
            );
            return Ok(());
        }
        let Some(source) = self.state().source.clone() else {
            return Err(gst::loggable_error!(CAT, "no heap is open"));
        };
        let size = match HeapPool::buffer_size(&video) {
            Ok(size) => size,
            Err(error) => {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::Settings,
                    ("{caps}: {}", chain(&error))
                );
                return Err(gst::loggable_error!(CAT, "{error}"));
            }
        };

        let importers = query::importers_of(query, &video.picture());
        gst::debug!(CAT, imp = self, "downstream imports {importers:?}");
        let writer = self.look_upstream();
        self.put_first(query, &source, size, writer);
        Ok(())
    }

    /// Finds out who will write the frames, and warns where no pool can reach them.
    fn look_upstream(&self) -> Writer {
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
        let writer = importer.map_or(Writer::Element, |_importer| Writer::V4l2);
        self.state().upstream = upstream;
        writer
    }

    fn put_first(
        &self,
        query: &mut gst::query::Allocation,
        source: &Arc<HeapSource>,
        size: u32,
        writer: Writer,
    ) {
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
        let pool = self.new_pool(source);
        pool.require(min_buffers);
        pool.set_writer(writer);
        gst::debug!(
            CAT,
            imp = self,
            "proposing {min} to {max} buffers of {size} bytes"
        );
        if downstream.is_empty() {
            query.add_allocation_pool(Some(&pool), size, min, max);
        } else {
            query.set_nth_allocation_pool(0, Some(&pool), size, min, max);
            for (pool, size, min, max) in downstream {
                query.add_allocation_pool(pool.as_ref(), size, min, max);
            }
        }

        let allocator = HeapAllocator::new(Arc::clone(source), Arc::clone(&self.stats));
        let params: Vec<_> = query.allocation_params().collect();
        match params.into_iter().next() {
            Some((_theirs, params)) => query.set_nth_allocation_param(0, Some(&allocator), params),
            None => query.add_allocation_param(Some(&allocator), gst::AllocationParams::default()),
        }
    }

    fn on_pool_event(&self, event: &PoolEvent<'_>) {
        let (upstream, source) = {
            let state = self.state();
            (state.upstream.clone(), state.source.clone())
        };
        if let Some(source) = source {
            report::pool_failed(self.obj().upcast_ref(), event, upstream.as_ref(), &source);
        }
    }
}
