use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dmabuf_heap::{DmaBuf, Frame};
use rustix::io::Errno;

use crate::device::{Device, Queue};
use crate::mapping::Mapping;
use crate::uapi::{self, Plane, PlaneMemory, RequestBuffers};

/// The buffers of a queue, freed when this is dropped.
#[derive(Debug)]
pub(crate) struct BufferSet {
    device: Arc<Device>,
    queue: Queue,
    table: Arc<Table>,
    is_free: bool,
}

/// What lies under each buffer of a queue. It never changes: that is the affinity which lets the kernel attach and map each
/// dma-buf once.
#[derive(Debug)]
pub(crate) struct Table {
    /// `enum v4l2_memory`
    memory: u32,
    entries: Vec<Entry>,
}

/// One buffer.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What the memory shows, where the format has pixels.
    pub(crate) frame: Option<Frame>,
    /// One for each plane of the buffer.
    pub(crate) planes: Vec<PlaneMemoryOf>,
    /// Whether the device has it.
    is_queued: AtomicBool,
}

/// The memory of one plane of a buffer.
#[derive(Debug, Default)]
pub(crate) struct PlaneMemoryOf {
    pub(crate) dmabuf: Option<Arc<DmaBuf>>,
    pub(crate) mapping: Option<Mapping>,
    /// Bytes.
    pub(crate) length: u32,
    /// Bytes up to the end of a whole picture.
    pub(crate) used: u32,
    /// Where the picture starts.
    pub(crate) data_offset: u32,
}

impl Entry {
    pub(crate) const fn new(frame: Option<Frame>, planes: Vec<PlaneMemoryOf>) -> Self {
        Self {
            frame,
            planes,
            is_queued: AtomicBool::new(false),
        }
    }

    pub(crate) fn set_queued(&self, is_queued: bool) {
        self.is_queued.store(is_queued, Ordering::Release);
    }

    pub(crate) fn is_queued(&self) -> bool {
        self.is_queued.load(Ordering::Acquire)
    }
}

impl Table {
    pub(crate) const fn new(memory: u32, entries: Vec<Entry>) -> Self {
        Self { memory, entries }
    }

    pub(crate) const fn memory(&self) -> u32 {
        self.memory
    }

    pub(crate) fn entry(&self, index: u32) -> Option<&Entry> {
        self.entries.get(usize::try_from(index).ok()?)
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Each index and its entry.
    pub(crate) fn indexed(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (0..).zip(&self.entries)
    }

    /// The planes of one buffer for the kernel: as many as there are in the first part of the array.
    pub(crate) fn planes(&self, entry: &Entry) -> ([Plane; uapi::MAX_BUFFER_PLANES], usize) {
        let mut planes = [Plane::default(); uapi::MAX_BUFFER_PLANES];
        for (plane, memory) in planes.iter_mut().zip(&entry.planes) {
            plane.length = memory.length;
            plane.bytesused = memory.used;
            plane.data_offset = memory.data_offset;
            if self.memory == uapi::MEMORY_DMABUF
                && let Some(dmabuf) = &memory.dmabuf
            {
                plane.memory = PlaneMemory {
                    fd: dmabuf.as_fd().as_raw_fd(),
                };
            }
        }
        (planes, entry.planes.len().min(uapi::MAX_BUFFER_PLANES))
    }
}

impl BufferSet {
    /// Takes over the buffers that a request has just made.
    pub(crate) fn new(device: &Arc<Device>, queue: Queue, table: Table) -> Self {
        Self {
            device: device.clone(),
            queue,
            table: Arc::new(table),
            is_free: false,
        }
    }

    pub(crate) const fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The same buffers, with what lies under them. They were made with an empty table, so that they are freed should finding
    /// that out fail.
    pub(crate) fn filled(mut self, entries: Vec<Entry>) -> Self {
        self.table = Arc::new(Table::new(self.table.memory, entries));
        self
    }

    /// Frees the buffers. A device that is gone has freed them.
    pub(crate) fn free(&mut self) -> Result<(), Errno> {
        if self.is_free {
            return Ok(());
        }
        let buffer_type = self.device.info().buffer_type(self.queue);
        match request(&self.device, buffer_type, self.table.memory, 0) {
            Ok(_) | Err(Errno::NODEV) => self.is_free = true,
            Err(errno) => return Err(errno),
        }
        for entry in &self.table.entries {
            entry.set_queued(false);
        }
        Ok(())
    }
}

impl Drop for BufferSet {
    fn drop(&mut self) {
        if let Err(error) = self.free() {
            let (device, queue) = (self.device.info(), self.queue);
            tracing::error!(%device, %queue, %error, "the buffers of a queue cannot be freed");
        }
    }
}

/// REQBUFS: how many there are now, and what the queue can (`V4L2_BUF_CAP_*`; 0 on kernels before 4.20).
pub(crate) fn request(
    device: &Device,
    buffer_type: u32,
    memory: u32,
    count: u32,
) -> Result<(u32, u32), Errno> {
    let mut request = RequestBuffers {
        count,
        buffer_type,
        memory,
        ..RequestBuffers::default()
    };
    uapi::request_buffers(device.as_fd(), &mut request)?;
    Ok((request.count, request.capabilities))
}
