//! From a buffer that the driver has filled to one that goes downstream.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use v4l2_import::{Capture, Clock, Dequeued, Done, Event, QueueError};

use super::camera::Camera;
use super::imp::{CAT, V4l2Src};
use super::io::Io;
use super::stream::{NoFrame, Stream, Taken};
use super::time;
use super::wake::Turn;
use crate::caps::VideoCaps;
use crate::copier::{Copier, CopyError};
use crate::pool::Users;
use crate::report::chain;
use crate::stats::{CopyReason, Counter, Path};
use crate::upstream::Upstream;
use crate::zero_copy::ZeroCopy;

/// How long a camera without buffers waits for one before a frame is copied: several refreshes of any display.
const SHORTAGE: Duration = Duration::from_millis(250);
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

    fn fail_with(&self, text: &str) -> gst::FlowError {
        gst::element_imp_error!(self, gst::ResourceError::Read, ("{text}"));
        gst::FlowError::Error
    }
}

/// What goes with a frame.
struct Stamp {
    /// On `CLOCK_MONOTONIC`, where the driver says so.
    taken: Option<Duration>,
    number: u32,
    missing: u32,
    /// `enum v4l2_field`
    field: u32,
}

impl V4l2Src {
    fn stamp(&self, stream: &Stream, buffer: &mut gst::BufferRef, stamp: &Stamp) {
        let duration = stream.choice.rate.duration();
        let usual = duration.unwrap_or_default();
        buffer.set_pts(self.running_time(stamp.taken, usual));
        buffer.set_duration(duration.and_then(|it| gst::ClockTime::try_from(it).ok()));
        buffer.set_offset(stamp.number.into());
        buffer.set_offset_end(u64::from(stamp.number) + 1);
        if stamp.missing > 0 {
            gst::debug!(
                CAT,
                imp = self,
                "{} frames lost before {}",
                stamp.missing,
                stamp.number
            );
            buffer.set_flags(gst::BufferFlags::DISCONT);
        }
        mark_fields(buffer, stamp.field);
    }

    /// When a frame was taken, on the clock of the pipeline.
    fn running_time(&self, taken: Option<Duration>, usual: Duration) -> Option<gst::ClockTime> {
        let element = self.obj();
        let (clock, base) = element.clock().zip(element.base_time())?;
        let (there, here) = time::same_moment(|| clock.time().into());
        let age = taken.map_or(usual, |taken| time::age(taken, here, usual));
        let taken = there.checked_sub(age).unwrap_or_default();
        let taken = gst::ClockTime::try_from(taken).ok()?;
        Some(taken.saturating_sub(base))
    }

    /// Follows what the driver tells between frames; true if the stream is another one now.
    fn heed_events(&self, camera: &Arc<Camera>, turn: &Turn<'_>) -> Result<bool, gst::FlowError> {
        let mut has_changed = false;
        loop {
            match camera.device().try_event() {
                Ok(Some(Event::SourceChange { is_resolution })) => has_changed |= is_resolution,
                Ok(Some(_other)) => {}
                Ok(None) => break,
                // The device is gone. The queue knows better what to say of that.
                Err(error) => {
                    gst::debug!(CAT, imp = self, "{error}");
                    return Ok(false);
                }
            }
        }
        if !has_changed {
            return Ok(false);
        }
        self.follow_source(camera, turn)?;
        Ok(true)
    }

    /// Waits until the source of a digital input sends something, and negotiates anew.
    fn follow_source(&self, camera: &Arc<Camera>, turn: &Turn<'_>) -> Result<(), gst::FlowError> {
        self.end_stream();
        while let Err(error) = camera.follow_source() {
            if self.is_news("signal") {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Read,
                    ("{error}. It waits for one; connect and switch on the source")
                );
            }
            let fd = camera.device().as_fd();
            let ready = turn.wait(fd, false, Some(SHORTAGE));
            let ready = ready.map_err(|error| self.fail_with(&error.to_string()))?;
            if turn.is_over() {
                return Err(gst::FlowError::Flushing);
            }
            if ready.event
                && let Err(error) = camera.device().try_event()
            {
                return Err(self.fail_with(&error.to_string()));
            }
        }
        if self.obj().negotiate() {
            Ok(())
        } else {
            Err(gst::FlowError::NotNegotiated)
        }
    }
}

/// Tells of a picture that is made of two fields, and which of them was first.
fn mark_fields(buffer: &mut gst::BufferRef, field: u32) {
    use gst_video::VideoBufferFlags as Flags;
    use gst_video::video_frame::VideoBufferExt as _;
    const INTERLACED: u32 = 4;
    const TOP_FIRST: u32 = 8;
    const BOTTOM_FIRST: u32 = 9;
    let flags = match field {
        TOP_FIRST => Flags::INTERLACED | Flags::TFF,
        INTERLACED | BOTTOM_FIRST => Flags::INTERLACED,
        _ => return,
    };
    buffer.set_video_flags(flags);
}
