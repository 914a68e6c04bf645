//! Frames for V4L2 queues: the memory that a format wants, from any allocator.

use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dmabuf_heap::{Allocator, DmaBuf, Fourcc, Frame, LayoutRequest};
use v4l2_import::{Device, Queue, QueueFormat, QueueImporter, Size, V4l2Fourcc};

/// The importer of a queue of the device at `node`.
#[track_caller]
pub fn importer(node: &Path, queue: Queue) -> QueueImporter {
    let path = PathBuf::from(node);
    let open = move || -> std::io::Result<OwnedFd> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(file.into())
    };
    QueueImporter::new(open, queue).unwrap_or_else(|error| panic!("{error}"))
}

/// The driver's own layout for a format and size, which it must have.
#[track_caller]
pub fn format(
    node: &Path,
    queue: Queue,
    code: &[u8; 4],
    (width, height): (u32, u32),
) -> QueueFormat {
    let device = Device::open(node).unwrap_or_else(|error| panic!("{error}"));
    let code = V4l2Fourcc::from_bytes(code);
    let format = device
        .try_format(queue, code, Size { width, height })
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (format.code, format.width, format.height),
        (code, width, height)
    );
    format
}

/// A frame in as many dma-bufs as the format has buffers, each just long enough.
#[track_caller]
pub fn frame(allocator: &dyn Allocator, format: &QueueFormat) -> Frame {
    let layout = format
        .layout()
        .unwrap_or_else(|error| panic!("{format}: {error}"));
    let dmabufs: Vec<_> = format
        .buffers
        .iter()
        .map(|buffer| memory(allocator, buffer.size_image))
        .collect();
    Frame::new(layout, &dmabufs).expect("sizeimage holds the planes")
}

/// A dma-buf of at least so many bytes.
#[track_caller]
pub fn memory(allocator: &dyn Allocator, bytes: u32) -> Arc<DmaBuf> {
    let request = LayoutRequest::new(Fourcc::R8, bytes, 1);
    let frame = allocator
        .allocate(&request)
        .unwrap_or_else(|error| panic!("{error}"));
    frame.dmabuf(0).clone()
}
