//! From no buffers to some of the driver's own memory, exported or mapped.

use std::os::fd::AsFd;
use std::sync::Arc;

use dmabuf_heap::{DmaBuf, Frame};
use rustix::io::Errno;

use super::BufferQueue;
use super::direction::Direction;
use super::error::{Failed, QueueError};
use super::import::WithBuffers;
use super::set::{BufferSet, Entry, PlaneMemoryOf, Table, request};
use super::state::Idle;
use crate::format::QueueFormat;
use crate::mapping::Mapping;
use crate::uapi::{self, Plane, V4l2Buffer};

impl<D: Direction> BufferQueue<D, Idle> {
    /// Has the driver make `count` buffers, and exports their memory as dma-bufs (`V4L2_MEMORY_MMAP`, `VIDIOC_EXPBUF`). It may
    /// make more or fewer.
    ///
    /// # Errors
    ///
    /// The driver has no memory, or does not export it. The queue is given back.
    pub fn export(self, count: u32) -> Result<WithBuffers<D>, Failed<Self>> {
        self.with_driver_memory(count, Self::exported)
    }

    /// Has the driver make `count` buffers, and maps their memory for the CPU (`V4L2_MEMORY_MMAP`): the last resort, where
    /// neither the driver imports nor the kernel exports. It may make more or fewer.
    ///
    /// # Errors
    ///
    /// The driver has no memory. The queue is given back.
    pub fn map(self, count: u32) -> Result<WithBuffers<D>, Failed<Self>> {
        self.with_driver_memory(count, Self::mapped)
    }

    fn with_driver_memory(
        self,
        count: u32,
        entry: impl Fn(&Self, u32, &QueueFormat) -> Result<Entry, QueueError>,
    ) -> Result<WithBuffers<D>, Failed<Self>> {
        match self.try_driver_memory(count, entry) {
            Ok(set) => Ok(self.filled(set)),
            Err(error) => Err(Failed::new(error, self)),
        }
    }

    fn try_driver_memory(
        &self,
        count: u32,
        entry: impl Fn(&Self, u32, &QueueFormat) -> Result<Entry, QueueError>,
    ) -> Result<BufferSet, QueueError> {
        let format = self.current_format()?;
        let (got, _capabilities) = request(
            self.device(),
            self.buffer_type(),
            uapi::MEMORY_MMAP,
            count.max(1),
        )
        .map_err(|errno| {
            self.error("VIDIOC_REQBUFS")
                .detail(format_args!(
                    "{count} buffers of {format}, V4L2_MEMORY_MMAP"
                ))
                .errno(errno)
        })?;
        // Frees what was requested when an export fails.
        let guard = BufferSet::new(
            self.device(),
            D::QUEUE,
            Table::new(uapi::MEMORY_MMAP, Vec::new()),
        );
        let entries = (0..got).map(|index| entry(self, index, &format));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        Ok(guard.filled(entries))
    }

    fn exported(&self, index: u32, format: &QueueFormat) -> Result<Entry, QueueError> {
        let buffer_type = self.buffer_type();
        let planes = self.query(index, format)?;
        let mut memories = Vec::with_capacity(planes.len());
        for (plane, queried) in (0..).zip(&planes) {
            let error = || {
                self.error("VIDIOC_EXPBUF")
                    .buffer(index)
                    .detail(format_args!("plane {plane} of {} bytes", queried.length))
            };
            let fd = uapi::export(self.device().as_fd(), buffer_type, index, plane)
                .map_err(|errno| error().errno(errno))?;
            let dmabuf = DmaBuf::from_fd(fd).map_err(|no_dmabuf| error().detail(no_dmabuf))?;
            memories.push(memory(queried, Some(Arc::new(dmabuf)), None));
        }
        let frame = self.frame(index, format, &memories)?;
        Ok(Entry::new(frame, memories))
    }

    /// The picture in exported memory; `None` where the format has no pixels.
    fn frame(
        &self,
        index: u32,
        format: &QueueFormat,
        planes: &[PlaneMemoryOf],
    ) -> Result<Option<Frame>, QueueError> {
        if format.code.drm().is_none() {
            return Ok(None);
        }
        let error = |why: &dyn std::fmt::Display| {
            self.error("VIDIOC_EXPBUF")
                .buffer(index)
                .detail(format_args!("{format}: {why}"))
        };
        let layout = format.layout().map_err(|broken| error(&broken))?;
        let dmabufs = planes.iter().filter_map(|plane| plane.dmabuf.clone());
        let dmabufs: Vec<_> = dmabufs.collect();
        Frame::new(layout, &dmabufs)
            .map(Some)
            .map_err(|short| error(&short))
    }

    fn mapped(&self, index: u32, format: &QueueFormat) -> Result<Entry, QueueError> {
        let planes = self.query(index, format)?;
        let mut memories = Vec::with_capacity(planes.len());
        for (number, plane) in planes.iter().enumerate() {
            let mapping = Mapping::new(self.device().as_fd(), plane.length, plane.offset())
                .map_err(|errno| {
                    let errno = Errno::from_io_error(&errno).unwrap_or(Errno::NOMEM);
                    self.error("mmap")
                        .buffer(index)
                        .detail(format_args!("plane {number} of {} bytes", plane.length))
                        .errno(errno)
                })?;
            memories.push(memory(plane, None, Some(mapping)));
        }
        Ok(Entry::new(None, memories))
    }

    /// The planes of a buffer of the driver.
    fn query(&self, index: u32, format: &QueueFormat) -> Result<Vec<Plane>, QueueError> {
        let mut planes = [Plane::default(); uapi::MAX_BUFFER_PLANES];
        let count = format.buffers.len().clamp(1, planes.len());
        let mut buffer = V4l2Buffer::new(self.buffer_type(), index);
        uapi::query(self.device().as_fd(), &mut buffer, &mut planes[..count])
            .map_err(|errno| self.error("VIDIOC_QUERYBUF").buffer(index).errno(errno))?;
        Ok(planes[..count].to_vec())
    }
}

fn memory(plane: &Plane, dmabuf: Option<Arc<DmaBuf>>, mapping: Option<Mapping>) -> PlaneMemoryOf {
    PlaneMemoryOf {
        dmabuf,
        mapping,
        length: plane.length,
        used: plane.length,
        data_offset: 0,
    }
}
