use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use dmabuf_heap::{DmaBuf, Frame};

use super::direction::{Direction, Output};
use super::set::{Entry, Table};
use crate::mapping::MapError;

/// One buffer of a queue, in the hands of the program: the device does not touch it.
///
/// It always stands for the same memory. Giving it to the queue moves it, so that nobody uses what the device has; the queue
/// makes it anew when the device is done. One that is dropped is out of the round until the queue is stopped and its buffers
/// are made anew.
#[must_use = "a buffer that is dropped is out of the round"]
pub struct Buffer<D> {
    table: Arc<Table>,
    index: u32,
    direction: PhantomData<fn() -> D>,
}

impl<D: Direction> Buffer<D> {
    pub(super) const fn new(table: Arc<Table>, index: u32) -> Self {
        Self {
            table,
            index,
            direction: PhantomData,
        }
    }

    pub(super) const fn table(&self) -> &Arc<Table> {
        &self.table
    }

    pub(super) fn entry(&self) -> &Entry {
        // Buffers are only made for entries of their table.
        &self.table.entries()[self.index as usize]
    }

    /// Its number, from 0.
    pub const fn index(&self) -> u32 {
        self.index
    }

    /// The picture, where the format of the queue has pixels that DRM has a name for, and the memory is dma-bufs.
    pub fn frame(&self) -> Option<&Frame> {
        self.entry().frame.as_ref()
    }

    /// The memory, one for each plane of the buffer; empty where the kernel does not export it.
    pub fn dmabufs(&self) -> impl Iterator<Item = &Arc<DmaBuf>> {
        let planes = self.entry().planes.iter();
        planes.filter_map(|plane| plane.dmabuf.as_ref())
    }

    /// The bytes of each plane.
    pub fn lengths(&self) -> impl Iterator<Item = u32> {
        self.entry().planes.iter().map(|plane| plane.length)
    }

    /// Copies bytes out of a plane that is [mapped](super::BufferQueue::map).
    ///
    /// # Errors
    ///
    /// It is not mapped, or ends before.
    pub fn read(&self, plane: usize, offset: usize, bytes: &mut [u8]) -> Result<(), MapError> {
        self.mapping(plane)?.read(offset, bytes)
    }

    fn mapping(&self, plane: usize) -> Result<&crate::mapping::Mapping, MapError> {
        let plane_memory = self.entry().planes.get(plane);
        let mapping = plane_memory.and_then(|memory| memory.mapping.as_ref());
        mapping.ok_or(MapError::NotMapped {
            buffer: self.index,
            plane,
        })
    }
}

impl Buffer<Output> {
    /// Copies bytes into a plane that is [mapped](super::BufferQueue::map).
    ///
    /// # Errors
    ///
    /// It is not mapped, or ends before.
    pub fn write(&mut self, plane: usize, offset: usize, bytes: &[u8]) -> Result<(), MapError> {
        self.mapping(plane)?.write(offset, bytes)
    }
}

impl<D> fmt::Debug for Buffer<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("index", &self.index)
            .finish_non_exhaustive()
    }
}
