//! From no buffers to imported ones.

use std::os::fd::AsFd;
use std::sync::Arc;

use dmabuf_heap::{DmaBuf, Frame};
use rustix::io::Errno;

use super::BufferQueue;
use super::buffer::Buffer;
use super::direction::Direction;
use super::error::{Failed, QueueError};
use super::set::{BufferSet, Entry, PlaneMemoryOf, Table, request};
use super::state::{Allocated, Idle};
use crate::device::Queue;
use crate::format::{BufferFormat, QueueFormat};
use crate::probe::{Misfit, Picture, pieces};
use crate::uapi::{self, Plane, V4l2Buffer};

/// A queue that has buffers and does not run, and those of them that the program does not have yet.
pub type WithBuffers<D> = (BufferQueue<D, Allocated>, Vec<Buffer<D>>);

/// One dma-buf for each buffer.
type Memory = Vec<Arc<DmaBuf>>;

impl<D: Direction> BufferQueue<D, Idle> {
    /// Makes a buffer of each frame (`V4L2_MEMORY_DMABUF`): buffer 0 is the first frame for as long as there are buffers. So the
    /// kernel attaches each dma-buf once, and never again.
    ///
    /// On a capture queue every frame is imported here, where the driver can (`PREPARE_BUF`), so that memory which the device
    /// does not take is refused before anything runs. On an output queue it shows when the frame is first queued.
    ///
    /// # Errors
    ///
    /// A frame does not fit the format of the queue, the device refuses its memory, or the driver wants another number of
    /// buffers. Queue and frames are given back.
    pub fn import(self, frames: Vec<Frame>) -> Result<WithBuffers<D>, Failed<(Self, Vec<Frame>)>> {
        match self.try_import(&frames) {
            Ok(set) => Ok(self.filled(set)),
            Err(error) => Err(Failed::new(error, (self, frames))),
        }
    }

    /// Makes a buffer of each dma-buf, for a format without pixels: compressed pictures, raw Bayer, metadata. The format must be
    /// one in a single plane.
    ///
    /// # Errors
    ///
    /// As [`import`](Self::import).
    pub fn import_bytes(self, dmabufs: Memory) -> Result<WithBuffers<D>, Failed<(Self, Memory)>> {
        match self.try_import_bytes(&dmabufs) {
            Ok(set) => Ok(self.filled(set)),
            Err(error) => Err(Failed::new(error, (self, dmabufs))),
        }
    }

    pub(super) fn filled(self, set: BufferSet) -> WithBuffers<D> {
        let table = set.table();
        let buffers = table
            .indexed()
            .map(|(index, _entry)| Buffer::new(table.clone(), index))
            .collect();
        let Self { claim, .. } = self;
        (BufferQueue::with(claim, Allocated { set }), buffers)
    }

    pub(super) fn current_format(&self) -> Result<QueueFormat, QueueError> {
        self.format().map_err(|error| {
            let errno = Errno::from_io_error(&error.errno).unwrap_or(Errno::INVAL);
            self.error(error.operation)
                .detail("the current format")
                .remedy("set a format, or see that the source has a signal")
                .errno(errno)
        })
    }

    fn try_import(&self, frames: &[Frame]) -> Result<BufferSet, QueueError> {
        let format = self.current_format()?;
        let entries = frames.iter().enumerate();
        let entries: Vec<_> = entries
            .map(|(index, frame)| self.entry_of(index, frame, &format))
            .collect::<Result<_, _>>()?;
        self.request_imports(entries)
    }

    fn entry_of(
        &self,
        index: usize,
        frame: &Frame,
        format: &QueueFormat,
    ) -> Result<Entry, QueueError> {
        let is_multiplanar = self.device().info().is_multiplanar;
        let picture = Picture::from(frame);
        let pieces =
            pieces(&picture, format, D::QUEUE, is_multiplanar, index).map_err(|misfit| {
                let (Misfit::Format(detail) | Misfit::Layout(detail)) = misfit;
                self.error("VIDIOC_QBUF")
                    .buffer(number(index))
                    .detail(detail)
                    .remedy("allocate frames for the layout of the queue's format")
            })?;
        let plane = |piece: &crate::probe::Piece| PlaneMemoryOf {
            dmabuf: Some(frame.dmabuf(piece.plane).clone()),
            mapping: None,
            length: piece.length,
            used: piece.used,
            data_offset: piece.data_offset,
        };
        Ok(Entry::new(
            Some(frame.clone()),
            pieces.iter().map(plane).collect(),
        ))
    }

    fn try_import_bytes(&self, dmabufs: &[Arc<DmaBuf>]) -> Result<BufferSet, QueueError> {
        let format = self.current_format()?;
        let &[BufferFormat { size_image, .. }] = &format.buffers[..] else {
            return Err(self
                .error("VIDIOC_QBUF")
                .detail(format_args!("{format} spreads over several buffers"))
                .remedy("import frames"));
        };
        let entry = |(index, dmabuf): (usize, &Arc<DmaBuf>)| {
            if dmabuf.len() < size_image.into() {
                let len = dmabuf.len();
                return Err(self
                    .error("VIDIOC_QBUF")
                    .buffer(number(index))
                    .detail(format_args!(
                        "plane 0: the dma-buf has {len} bytes, {format} wants {size_image}"
                    ))
                    .remedy("allocate larger ones, or set a format with a smaller size_image"));
            }
            let plane = PlaneMemoryOf {
                dmabuf: Some(dmabuf.clone()),
                length: u32::try_from(dmabuf.len()).unwrap_or(u32::MAX),
                used: size_image,
                ..PlaneMemoryOf::default()
            };
            Ok(Entry::new(None, vec![plane]))
        };
        let entries = dmabufs.iter().enumerate().map(entry);
        self.request_imports(entries.collect::<Result<_, _>>()?)
    }

    /// REQBUFS and, on capture, the import of each.
    fn request_imports(&self, entries: Vec<Entry>) -> Result<BufferSet, QueueError> {
        let wanted = number(entries.len());
        let error = || {
            self.error("VIDIOC_REQBUFS")
                .detail(format_args!("{wanted} buffers, V4L2_MEMORY_DMABUF"))
        };
        if wanted == 0 {
            return Err(error().remedy("give at least one frame, usually four"));
        }
        let (got, _capabilities) = request(
            self.device(),
            self.buffer_type(),
            uapi::MEMORY_DMABUF,
            wanted,
        )
        .map_err(|errno| error().errno(errno))?;
        let table = Table::new(uapi::MEMORY_DMABUF, entries);
        let set = BufferSet::new(self.device(), D::QUEUE, table);
        if got != wanted {
            return Err(error()
                .detail(format_args!(
                    "the driver wants {got} buffers, {wanted} frames were given"
                ))
                .remedy(format!("give {got} frames")));
        }
        if D::QUEUE == Queue::Capture {
            self.prepare(&set)?;
        }
        Ok(set)
    }

    fn prepare(&self, set: &BufferSet) -> Result<(), QueueError> {
        for (index, entry) in set.table().indexed() {
            let (mut planes, count) = set.table().planes(entry);
            let mut buffer = V4l2Buffer::new(self.buffer_type(), index);
            buffer.memory_kind = uapi::MEMORY_DMABUF;
            buffer.field = uapi::FIELD_NONE;
            match uapi::prepare(self.device().as_fd(), &mut buffer, &mut planes[..count]) {
                Ok(()) => {}
                // Not every driver can; the first QBUF says the same.
                Err(Errno::NOTTY) => return Ok(()),
                Err(errno) => {
                    return Err(self
                        .error("VIDIOC_PREPARE_BUF")
                        .buffer(index)
                        .detail(describe(&planes[..count], D::QUEUE))
                        .errno(errno));
                }
            }
        }
        Ok(())
    }
}

/// The kernel counts buffers in 32 bits.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// As in `plane 0 of 345600 bytes, plane 1 of 172800 bytes`; on output queues with what is used of them.
pub(super) fn describe(planes: &[Plane], queue: Queue) -> String {
    let describe = |(number, plane): (usize, &Plane)| {
        let Plane {
            length, bytesused, ..
        } = plane;
        match queue {
            Queue::Capture => format!("plane {number} of {length} bytes"),
            Queue::Output => format!("plane {number} of {length} bytes with {bytesused} used"),
        }
    };
    let planes = planes.iter().enumerate().map(describe);
    planes.collect::<Vec<_>>().join(", ")
}
