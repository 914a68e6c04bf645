//! The way of a buffer through the element.

use std::fmt::Display;
use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::HeapAlloc;
use crate::caps::VideoCaps;
use crate::copier::{Copier, CopyError};
use crate::frame::not_dmabuf;
use crate::origin::Origin;
use crate::pool::Users;
use crate::report::{self, chain};
use crate::stats::{CopyReason, Counter, Path};
use crate::zero_copy::ZeroCopy;

impl HeapAlloc {
    /// Passes a buffer on, in a dma-buf whatever it came in.
    pub(super) fn route(&self, buffer: gst::Buffer) -> Result<gst::Buffer, gst::FlowError> {
        let stats = self.outlet.stats();
        stats.add(Counter::Frames, 1);
        match Origin::of(&buffer, stats) {
            Origin::Pool => {
                stats.add(Counter::Imported, 1);
                self.tell_path(Path::Pool, "");
                Ok(buffer)
            }
            Origin::Foreign => {
                if let Some(objection) = self.objection(&buffer) {
                    return self.copy(&buffer, CopyReason::Refused, &objection);
                }
                stats.add(Counter::Foreign, 1);
                self.tell_path(Path::Foreign, "");
                Ok(buffer)
            }
            Origin::Ordinary(index) => {
                let memory = not_dmabuf(index, buffer.peek_memory(index));
                self.copy(&buffer, CopyReason::NotDmaBuf, &memory)
            }
        }
    }

    /// A copy in memory that everybody downstream takes, unless copies are forbidden.
    fn copy(
        &self,
        buffer: &gst::BufferRef,
        reason: CopyReason,
        why: &dyn Display,
    ) -> Result<gst::Buffer, gst::FlowError> {
        if self.outlet.settings().zero_copy == ZeroCopy::Required {
            let obj = self.obj();
            report::copy_forbidden(obj.upcast_ref(), obj.sink_pad(), buffer, reason, why);
            return Err(gst::FlowError::Error);
        }
        let copied = self.copier().and_then(|copier| copier.copy(buffer));
        match copied {
            Ok(copied) => {
                let stats = self.outlet.stats();
                stats.count_copy(reason, copied.bytes);
                stats.add(Counter::SyncIoctls, copied.sync_ioctls);
                self.tell_path(Path::Copy, &why.to_string());
                Ok(copied.buffer)
            }
            Err(CopyError::Pool(flow)) => Err(flow),
            Err(CopyError::NoMemory(_told_by_the_pool)) => Err(gst::FlowError::Error),
            Err(error) => {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::Failed,
                    ("cannot copy a frame to the heap: {}", chain(&error))
                );
                Err(gst::FlowError::Error)
            }
        }
    }

    fn copier(&self) -> Result<Arc<Copier>, CopyError> {
        let (copier, caps) = {
            let state = self.state();
            (state.copier.clone(), state.caps.clone())
        };
        if let Some(copier) = copier {
            return Ok(copier);
        }
        let not_negotiated = || CopyError::Pool(gst::FlowError::NotNegotiated);
        let caps = caps.ok_or_else(not_negotiated)?;
        let video = VideoCaps::parse(&caps).map_err(|error| glib::bool_error!("{error}"))?;
        let readers = self.readers(&caps, &video);
        let (outlet, element) = (&self.outlet, self.obj());
        let users = outlet.with_readers(
            element.upcast_ref(),
            Users::of_copies(outlet.stats()),
            readers,
        );
        let pool = outlet.pool(element.upcast_ref(), users);
        let pool = pool.ok_or_else(not_negotiated)?;
        let copier = Arc::new(Copier::new(pool, &caps, &video)?);
        self.state().copier = Some(Arc::clone(&copier));
        Ok(copier)
    }

    fn tell_path(&self, path: Path, reason: &str) {
        self.outlet.tell_path(self.obj().upcast_ref(), path, reason);
    }
}
