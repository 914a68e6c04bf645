//! From a buffer that the driver has filled to one that goes downstream.

use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use v4l2_import::{Capture, Clock, Dequeued, Done, QueueError};

use super::imp::{CAT, V4l2Src};
use super::io::Io;
use super::stamp::Stamp;
use super::stream::{NoFrame, Stream, Taken};
use super::wake::Turn;
use crate::caps::VideoCaps;
use crate::copier::{Copier, CopyError};
use crate::pool::Users;
use crate::report::chain;
use crate::stats::{CopyReason, Counter, Path};
use crate::upstream::Upstream;
use crate::zero_copy::ZeroCopy;

/// How long a camera without buffers waits for one before a frame is copied: several refreshes of any display.
pub(super) const SHORTAGE: Duration = Duration::from_millis(250);
/// How often to look at memory that somebody shares, as nobody tells when he lets go.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl V4l2Src {
    /// The next frame. Three system calls: `poll`, DQBUF, and when it comes back QBUF.
    pub(super) fn next_frame(&self) -> Result<gst::Buffer, gst::FlowError> {
        let (camera, wake) = {
            let state = self.state();
            (state.camera.clone(), state.wake.clone())
        };
        let (Some(camera), Some(wake)) = (camera, wake) else {
            return Err(gst::FlowError::Flushing);
        };
        let turn = wake.turn();
        let pad = self.obj().src_pad().clone();
        loop {
            // A flush that began before this turn has called nobody back.
            if turn.is_over() || pad.pad_flags().contains(gst::PadFlags::FLUSHING) {
                return Err(gst::FlowError::Flushing);
            }
            let stream = self.state().stream.clone();
            let stream = stream.ok_or(gst::FlowError::NotNegotiated)?;
            stream.start().map_err(|error| self.fail(&error))?;
            let patience = if stream.recheck() {
                Some(LOOK_AGAIN)
            } else {
                stream.is_short().then_some(SHORTAGE)
            };
            let ready = turn.wait(camera.device().as_fd(), true, patience);
            let ready = ready.map_err(|error| self.fail_with(&error.to_string()))?;
            if ready.woken || (ready.event && self.heed_events(&camera, &turn)?) {
                continue;
            }
            if !ready.frame {
                self.warn_of_shortage(&stream);
                continue;
            }
            match stream.dequeue().map_err(|error| self.fail(&error))? {
                Dequeued::Done(done) => {
                    if let Some(buffer) = self.deliver(&stream, &turn, done)? {
                        return Ok(buffer);
                    }
                }
                Dequeued::NotYet => {}
                Dequeued::Drained => return Err(gst::FlowError::Eos),
            }
        }
    }

    /// The buffer for a frame; `None` for one that is not to be seen.
    fn deliver(
        &self,
        stream: &Stream,
        turn: &Turn<'_>,
        done: Done<Capture>,
    ) -> Result<Option<gst::Buffer>, gst::FlowError> {
        if done.flags.has_error() {
            self.damaged.fetch_add(1, Ordering::Relaxed);
            gst::debug!(CAT, imp = self, "frame {} is damaged", done.sequence);
            return self.skip(stream, done);
        }
        let is_monotonic = done.flags.clock() == Clock::Monotonic;
        if is_monotonic && done.timestamp < self.resumed() {
            self.sequence.restart();
            return self.skip(stream, done);
        }
        let stamp = Stamp {
            taken: is_monotonic.then_some(done.timestamp),
            number: done.sequence,
            missing: self.sequence.note(done.sequence),
            field: done.field,
        };
        let taken = stream.take(done).map_err(|error| self.no_frame(&error))?;
        self.outlet.stats().add(Counter::Frames, 1);
        let mut buffer = self.settle_copies(stream, turn, taken)?;
        self.stamp(stream, buffer.make_mut(), &stamp);
        Ok(Some(buffer))
    }

    fn skip(
        &self,
        stream: &Stream,
        done: Done<Capture>,
    ) -> Result<Option<gst::Buffer>, gst::FlowError> {
        stream
            .give_back(done)
            .map(|()| None)
            .map_err(|error| self.fail(&error))
    }

    /// Counts the way that a frame came, and copies one that cannot be passed on as it is.
    fn settle_copies(
        &self,
        stream: &Stream,
        turn: &Turn<'_>,
        Taken { buffer, copied }: Taken,
    ) -> Result<gst::Buffer, gst::FlowError> {
        let stats = self.outlet.stats();
        if let Some(bytes) = copied {
            stats.count_copy(CopyReason::DriverMemory, bytes);
            self.tell_path(Path::Copy, &stream.why);
            return Ok(buffer);
        }
        if let Some(objection) = &stream.objection {
            return self.copy(stream, &buffer, CopyReason::Layout, objection);
        }
        let may_copy = self.outlet.settings().zero_copy != ZeroCopy::Required
            && VideoCaps::parse(&stream.choice.caps).is_ok();
        if may_copy
            && stream.is_starved(SHORTAGE, || turn.is_interrupted())
            && !turn.is_interrupted()
        {
            let held = self.shortage(stream);
            return self.copy(stream, &buffer, CopyReason::Held, &held);
        }
        if stream.io == Io::Export {
            self.exported.fetch_add(1, Ordering::Relaxed);
            self.tell_path(Path::Export, &stream.why);
        } else {
            stats.add(Counter::Imported, 1);
            self.tell_path(Path::Pool, &stream.why);
        }
        Ok(buffer)
    }

    fn copy(
        &self,
        stream: &Stream,
        buffer: &gst::Buffer,
        reason: CopyReason,
        why: &str,
    ) -> Result<gst::Buffer, gst::FlowError> {
        if self.outlet.settings().zero_copy == ZeroCopy::Required {
            gst::element_imp_error!(
                self,
                gst::StreamError::WrongType,
                (
                    "{why}. A copy of {} bytes per frame would help, and zero-copy=required forbids it: ask for another size or \
                     format, have an element behind it that reads GstVideoMeta, or allow copies by zero-copy=preferred",
                    buffer.size()
                )
            );
            return Err(gst::FlowError::Error);
        }
        let copier = stream.copier(|| self.make_copier(stream));
        match copier.and_then(|copier| copier.copy(buffer)) {
            Ok(copy) => {
                let stats = self.outlet.stats();
                stats.count_copy(reason, copy.bytes);
                stats.add(Counter::SyncIoctls, copy.sync_ioctls);
                self.tell_path(Path::Copy, why);
                Ok(copy.buffer)
            }
            Err(CopyError::Pool(flow)) => Err(flow),
            Err(error) => {
                Err(self.fail_with(&format!("a frame cannot be copied: {}", chain(&error))))
            }
        }
    }

    fn make_copier(&self, stream: &Stream) -> Result<Copier, CopyError> {
        let not_negotiated = || CopyError::Pool(gst::FlowError::NotNegotiated);
        let caps = &stream.choice.caps;
        let video = VideoCaps::parse(caps).map_err(|_error| not_negotiated())?;
        let readers = stream.party.readers.clone();
        let users = Users::of_copies(self.outlet.stats());
        let users = self
            .outlet
            .with_readers(self.obj().upcast_ref(), users, readers);
        let pool = self.outlet.pool(self.obj().upcast_ref(), users);
        Copier::new(pool.ok_or_else(not_negotiated)?, caps, &video)
    }

    fn tell_path(&self, path: Path, reason: &str) {
        self.outlet.tell_path(self.obj().upcast_ref(), path, reason);
    }

    /// Which buffers are where, for messages.
    fn shortage(&self, stream: &Stream) -> String {
        let element = self.obj();
        format!(
            "all {} buffers are held downstream ({}), and {} has none to fill",
            stream.buffers(),
            Upstream::downstream_of(element.src_pad()),
            element.name()
        )
    }

    /// Tells once that the camera stands still because nobody gives a buffer back.
    fn warn_of_shortage(&self, stream: &Stream) {
        if stream.is_short() && self.is_news("shortage") {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Busy,
                (
                    "{}. It waits for one; let fewer frames be held downstream, or allow copies by zero-copy=preferred",
                    self.shortage(stream)
                )
            );
        }
    }

    fn no_frame(&self, error: &NoFrame) -> gst::FlowError {
        match error {
            NoFrame::Pool(flow) => *flow,
            error => self.fail_with(&chain(error)),
        }
    }

    fn fail(&self, error: &QueueError) -> gst::FlowError {
        self.fail_with(&error.to_string())
    }

    pub(super) fn fail_with(&self, text: &str) -> gst::FlowError {
        gst::element_imp_error!(self, gst::ResourceError::Read, ("{text}"));
        gst::FlowError::Error
    }
}
