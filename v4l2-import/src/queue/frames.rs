//! A running queue for frames that nobody knows beforehand.

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::Frame;
use rustix::io::Errno;

use super::BufferQueue;
use super::dequeued::BufferFlags;
use super::direction::Direction;
use super::error::{Failed, QueueError};
use super::exchange::{duration, timeval};
use super::import::describe;
use super::payload::Payload;
use super::run::Run;
use super::set::{BufferSet, Table, request};
use super::slots::{Binding, Slots};
use super::state::Idle;
use crate::device::{Claim, Device};
use crate::format::QueueFormat;
use crate::probe::{Misfit, Picture, Piece, pieces};
use crate::uapi::{self, Plane, PlaneMemory, V4l2Buffer};

/// A running queue that imports whatever frame it is given, under a number that the frame keeps.
///
/// A [`BufferQueue`] wants all its frames beforehand. Between two elements of somebody else's nobody knows them: they come from
/// another device's pool, one after the other. As long as there are no more frames than numbers, each one is attached by the
/// kernel when it comes the first time, and never again. One frame more, and the number that rested longest is used for it:
/// the kernel detaches the old one and attaches the new, which [`moved`](Self::moved) counts.
pub struct FrameQueue<D: Direction> {
    // In this order: a queue stops before its buffers are freed, and they are before somebody else may claim it.
    _run: Run,
    _set: BufferSet,
    claim: Claim,
    format: QueueFormat,
    slots: Slots,
    attached: u64,
    moved: u64,
    direction: std::marker::PhantomData<fn() -> D>,
}

/// A frame that a device is done with, and what its driver says of it.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The frame.
    pub frame: Frame,
    /// When; on a mem2mem device the time that the picture came with.
    pub timestamp: Duration,
    /// Counts pictures from the start of the queue.
    pub sequence: u32,
    /// What else there is to say.
    pub flags: BufferFlags,
}

impl<D: Direction> BufferQueue<D, Idle> {
    /// Starts the queue with numbers for `count` frames, which need not be known yet. A driver may give more or fewer numbers.
    ///
    /// # Errors
    ///
    /// The driver does not import, or does not start. The queue is given back.
    pub fn start_for_any(self, count: u32) -> Result<FrameQueue<D>, Failed<Self>> {
        match self.try_start_for_any(count) {
            Ok((run, set, format, got)) => {
                let Self { claim, .. } = self;
                Ok(FrameQueue {
                    _run: run,
                    _set: set,
                    claim,
                    format,
                    slots: Slots::new(got),
                    attached: 0,
                    moved: 0,
                    direction: std::marker::PhantomData,
                })
            }
            Err(error) => Err(Failed::new(error, self)),
        }
    }

    fn try_start_for_any(
        &self,
        count: u32,
    ) -> Result<(Run, BufferSet, QueueFormat, u32), QueueError> {
        let format = self.current_format()?;
        let memory = uapi::MEMORY_DMABUF;
        let (got, _capabilities) = request(self.device(), self.buffer_type(), memory, count.max(1))
            .map_err(|errno| {
                self.error("VIDIOC_REQBUFS")
                    .detail(format_args!(
                        "{count} buffers of {format}, V4L2_MEMORY_DMABUF"
                    ))
                    .errno(errno)
            })?;
        let set = BufferSet::new(self.device(), D::QUEUE, Table::new(memory, Vec::new()));
        let run = Run::start(self.device(), D::QUEUE).map_err(|errno| {
            self.error("VIDIOC_STREAMON")
                .detail("without a buffer yet")
                .errno(errno)
        })?;
        Ok((run, set, format, got))
    }
}

impl<D: Direction> FrameQueue<D> {
    /// Gives a frame to the device. It is kept open until it comes back.
    ///
    /// # Errors
    ///
    /// It does not fit the format of the queue, the device refuses its memory or has as many frames as there are numbers
    /// already, failed (EIO), or is gone.
    pub fn enqueue(&mut self, frame: &Frame, payload: &Payload) -> Result<(), QueueError> {
        let Some((number, binding)) = self.slots.choose(frame.key()) else {
            let detail = format!("the device has frames under all {} numbers", self.len());
            return Err(self.error("VIDIOC_QBUF").detail(detail));
        };
        if binding != Binding::Kept {
            let pieces = self.pieces(number, frame)?;
            self.slots.bind(number, *frame.key(), pieces);
        }
        let (mut planes, count) = self.planes(number, frame);
        let mut raw = V4l2Buffer::new(self.buffer_type(), number);
        raw.memory_kind = uapi::MEMORY_DMABUF;
        raw.field = payload.field;
        raw.timestamp = timeval(payload.timestamp);
        if let Err(errno) = uapi::queue(self.as_fd(), &mut raw, &mut planes[..count]) {
            self.slots.unbind(number);
            return Err(self
                .error("VIDIOC_QBUF")
                .buffer(number)
                .detail(describe(&planes[..count], D::QUEUE))
                .errno(errno));
        }
        self.slots.give(number, frame.clone());
        match binding {
            Binding::Kept => {}
            Binding::New => self.attached += 1,
            Binding::Moved => self.moved += 1,
        }
        Ok(())
    }

    /// The next frame that the device is done with, if there is one. Does not wait: poll the file.
    ///
    /// # Errors
    ///
    /// The device failed (EIO), or is gone. A damaged picture is no error: its [flags](Finished::flags) say so.
    pub fn try_dequeue(&mut self) -> Result<Option<Finished>, QueueError> {
        let mut planes = [Plane::default(); uapi::MAX_BUFFER_PLANES];
        let count = self.format.buffers.len().min(uapi::MAX_BUFFER_PLANES);
        let mut raw = V4l2Buffer::new(self.buffer_type(), 0);
        raw.memory_kind = uapi::MEMORY_DMABUF;
        match uapi::dequeue(self.as_fd(), &mut raw, &mut planes[..count]) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Ok(None),
            Err(errno) => return Err(self.error("VIDIOC_DQBUF").errno(errno)),
        }
        let Some(frame) = self.slots.take(raw.index) else {
            let detail = format!("the driver gave a buffer of {} that it had not", self.len());
            return Err(self.error("VIDIOC_DQBUF").buffer(raw.index).detail(detail));
        };
        Ok(Some(Finished {
            frame,
            timestamp: duration(raw.timestamp),
            sequence: raw.sequence,
            flags: BufferFlags(raw.flags),
        }))
    }

    /// The format that frames must have.
    pub const fn format(&self) -> &QueueFormat {
        &self.format
    }

    /// How many frames keep their numbers.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no numbers, which never is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many frames the device has.
    pub fn queued(&self) -> usize {
        self.slots.queued()
    }

    /// How many frames got a number that nobody had before.
    pub const fn attached(&self) -> u64 {
        self.attached
    }

    /// How many frames got a number that another one had before.
    pub const fn moved(&self) -> u64 {
        self.moved
    }

    /// The device that it is a queue of.
    pub const fn device(&self) -> &Arc<Device> {
        self.claim.device()
    }

    fn pieces(&self, number: u32, frame: &Frame) -> Result<Vec<Piece>, QueueError> {
        let is_multiplanar = self.device().info().is_multiplanar;
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        let picture = Picture::from(frame);
        pieces(&picture, &self.format, D::QUEUE, is_multiplanar, index).map_err(|misfit| {
            let (Misfit::Format(detail) | Misfit::Layout(detail)) = misfit;
            self.error("VIDIOC_QBUF")
                .buffer(number)
                .detail(detail)
                .remedy("allocate frames for the layout of the queue's format")
        })
    }

    fn planes(&self, number: u32, frame: &Frame) -> ([Plane; uapi::MAX_BUFFER_PLANES], usize) {
        let mut planes = [Plane::default(); uapi::MAX_BUFFER_PLANES];
        let pieces = self.slots.pieces(number).unwrap_or_default();
        for (plane, piece) in planes.iter_mut().zip(pieces) {
            plane.length = piece.length;
            plane.bytesused = piece.used;
            plane.data_offset = piece.data_offset;
            plane.memory = PlaneMemory {
                fd: frame.dmabuf(piece.plane).as_fd().as_raw_fd(),
            };
        }
        (planes, pieces.len().min(uapi::MAX_BUFFER_PLANES))
    }

    fn buffer_type(&self) -> u32 {
        self.device().info().buffer_type(D::QUEUE)
    }

    fn error(&self, operation: &'static str) -> QueueError {
        QueueError::new(self.device(), D::QUEUE, operation)
    }
}

impl<D: Direction> AsFd for FrameQueue<D> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.claim.device().as_fd()
    }
}

impl<D: Direction> fmt::Debug for FrameQueue<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameQueue")
            .field("device", &self.device().info().path)
            .field("queue", &D::QUEUE)
            .field("format", &self.format)
            .field("len", &self.len())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
