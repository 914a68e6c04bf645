//! A `GstBuffer` as a [`Frame`].
//!
//! A buffer says where its planes are in three places: the memories (each with an offset of its own), the
//! `GstVideoMeta` (offsets that count over all memories) and, without that meta, the caps. Devices want fds, offsets
//! from the start of each fd, and strides.

use std::sync::Arc;

use dmabuf_heap::{DmaBuf, Frame, FrameLayout, LayoutError, PixelFormat, PlaneLayout};
use gst_video::{VideoFormat, VideoMeta};

use crate::caps::VideoCaps;
use crate::ffi::memory;

/// Why a buffer is no frame that a device could import.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FrameOfError {
    /// Nothing in it.
    #[error("the buffer holds no memory")]
    Empty,
    /// Ordinary memory.
    #[error("memory {index} is not a dma-buf but {kind} of allocator {allocator}")]
    NotDmaBuf {
        /// Which memory of the buffer.
        index: usize,
        /// The memory's type.
        kind: String,
        /// The name of the allocator that made it.
        allocator: String,
    },
    /// Its allocator says dma-buf, the kernel disagrees.
    #[error("cannot use the dma-buf of memory {index}")]
    DmaBuf {
        /// Which memory of the buffer.
        index: usize,
        /// What failed.
        source: memory::IdentityError,
    },
    /// Only the driver knows the layout, and it left no word.
    #[error("the layout of {0} is known only to its driver, and the buffer has no GstVideoMeta")]
    NoVideoMeta(dmabuf_heap::Format),
    /// A plane starts behind the end.
    #[error("plane {plane} starts at byte {offset}, but the buffer has only {size}")]
    Outside {
        /// Which plane.
        plane: usize,
        /// Bytes from the start of the buffer.
        offset: usize,
        /// Bytes in all memories together.
        size: usize,
    },
    /// A picture that is stored bottom-up.
    #[error("plane {plane} has a stride of {stride}; bottom-up pictures cannot be imported")]
    Stride {
        /// Which plane.
        plane: usize,
        /// Bytes.
        stride: i32,
    },
    /// The numbers do not fit together.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The planes do not fit their dma-bufs.
    #[error(transparent)]
    Frame(#[from] dmabuf_heap::FrameError),
}

/// One plane as the buffer tells it: bytes from the start of all memories together.
#[derive(Debug, Clone, Copy)]
struct BufferPlane {
    offset: usize,
    stride: u32,
}

/// The picture in `buffer`, whose caps are `caps`.
///
/// Costs no system call for a memory that was seen before.
///
/// # Errors
///
/// [`FrameOfError`] names the memory or plane and the numbers.
pub(crate) fn frame_of(buffer: &gst::BufferRef, caps: &VideoCaps) -> Result<Frame, FrameOfError> {
    let memories = dmabufs_of(buffer)?;
    let planes = planes_of(buffer, caps)?;
    let (width, height) = size_of(buffer, caps);

    let mut layouts = Vec::with_capacity(planes.len());
    let mut owners = Vec::with_capacity(planes.len());
    for (index, plane) in planes.iter().enumerate() {
        let (memory, skip) = find_memory(buffer, plane.offset).ok_or(FrameOfError::Outside {
            plane: index,
            offset: plane.offset,
            size: buffer.size(),
        })?;
        let len = plane_len(buffer, caps, &planes, index, memory, skip);
        layouts.push(PlaneLayout {
            offset: (buffer.peek_memory(memory).offset() + skip) as u64,
            stride: plane.stride,
            len,
        });
        owners.push(Arc::clone(&memories[memory]));
    }

    let format = caps.format();
    let layout = FrameLayout::with_planes(format.fourcc, format.modifier, width, height, &layouts)?;
    Ok(Frame::new(layout, &owners)?)
}

fn dmabufs_of(buffer: &gst::BufferRef) -> Result<Vec<Arc<DmaBuf>>, FrameOfError> {
    if buffer.n_memory() == 0 {
        return Err(FrameOfError::Empty);
    }
    let dmabuf = |(index, mem): (usize, &gst::MemoryRef)| match memory::dmabuf_of(mem) {
        Ok(Some(dmabuf)) => Ok(dmabuf),
        Ok(None) => Err(not_dmabuf(index, mem)),
        Err(source) => Err(FrameOfError::DmaBuf { index, source }),
    };
    buffer.iter_memories().enumerate().map(dmabuf).collect()
}

/// The error for ordinary memory.
pub(crate) fn not_dmabuf(index: usize, mem: &gst::MemoryRef) -> FrameOfError {
    use gst::prelude::*;
    FrameOfError::NotDmaBuf {
        index,
        kind: memory::kind_of(mem),
        allocator: mem
            .allocator()
            .map_or_else(|| "no name".to_owned(), |it| it.name().to_string()),
    }
}

/// What kind of memory a buffer is in, for messages: `dmabuf of allocator v4l2src0:pool0:allocator`.
pub(crate) fn memory_of(buffer: &gst::BufferRef) -> String {
    use gst::prelude::*;
    if buffer.n_memory() == 0 {
        return "nothing".to_owned();
    }
    let first = buffer.peek_memory(0);
    let kind = memory::kind_of(first);
    match first.allocator() {
        Some(allocator) => format!("{kind} of allocator {}", allocator.name()),
        None => kind,
    }
}

/// The size of the whole picture in memory, of which a `GstVideoCropMeta` and the caps may show a part only.
fn size_of(buffer: &gst::BufferRef, caps: &VideoCaps) -> (u32, u32) {
    match buffer.meta::<VideoMeta>() {
        Some(meta) => (meta.width(), meta.height()),
        None => (caps.info().width(), caps.info().height()),
    }
}

fn planes_of(buffer: &gst::BufferRef, caps: &VideoCaps) -> Result<Vec<BufferPlane>, FrameOfError> {
    let info = caps.info();
    let plane = |(plane, (&offset, &stride)): (usize, (&usize, &i32))| match u32::try_from(stride) {
        Ok(stride) => Ok(BufferPlane { offset, stride }),
        Err(_negative) => Err(FrameOfError::Stride { plane, stride }),
    };
    match buffer.meta::<VideoMeta>() {
        Some(meta) => meta
            .offset()
            .iter()
            .zip(meta.stride())
            .enumerate()
            .map(plane)
            .collect(),
        None if info.format() == VideoFormat::DmaDrm => {
            Err(FrameOfError::NoVideoMeta(caps.format()))
        }
        None => info
            .offset()
            .iter()
            .zip(info.stride())
            .enumerate()
            .map(plane)
            .collect(),
    }
}

/// The memory that holds byte `offset` of the buffer, and how far into that memory it is.
fn find_memory(buffer: &gst::BufferRef, offset: usize) -> Option<(usize, usize)> {
    let mut start = 0;
    for (index, mem) in buffer.iter_memories().enumerate() {
        let end = start + mem.size();
        if offset < end {
            return Some((index, offset - start));
        }
        start = end;
    }
    None
}

/// Bytes of a plane: its rows where they are known and fit, else all up to the next plane or the end of the memory.
fn plane_len(
    buffer: &gst::BufferRef,
    caps: &VideoCaps,
    planes: &[BufferPlane],
    index: usize,
    memory: usize,
    skip: usize,
) -> u64 {
    let plane = planes[index];
    let left = buffer.peek_memory(memory).size() - skip;
    let available = planes
        .iter()
        .filter(|other| other.offset > plane.offset)
        .map(|other| other.offset - plane.offset)
        .fold(left, usize::min) as u64;
    let rows = PixelFormat::find(caps.format().fourcc)
        .filter(|_format| caps.is_linear())
        .and_then(|format| format.planes().get(index))
        .map(|shape| u64::from(shape.rows(size_of(buffer, caps).1)));
    rows.map_or(available, |rows| {
        (rows * u64::from(plane.stride)).min(available)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nv12() -> VideoCaps {
        gst::init().expect("GStreamer");
        let caps: gst::Caps = "video/x-raw,format=NV12,width=64,height=48,framerate=30/1"
            .parse()
            .expect("caps syntax");
        VideoCaps::parse(&caps).expect("NV12")
    }

    #[test]
    fn ordinary_memory_is_named() {
        let caps = nv12();
        let buffer = gst::Buffer::with_size(64 * 48 * 3 / 2).expect("buffer");
        let error = frame_of(&buffer, &caps).expect_err("no dma-buf");
        let text = error.to_string();
        assert!(
            text.contains("memory 0") && text.contains("SystemMemory"),
            "{text}"
        );
    }

    #[test]
    fn an_empty_buffer_is_no_frame() {
        let caps = nv12();
        assert!(matches!(
            frame_of(&gst::Buffer::new(), &caps),
            Err(FrameOfError::Empty)
        ));
    }

    #[test]
    fn planes_come_from_the_meta_before_the_caps() {
        let caps = nv12();
        let mut buffer = gst::Buffer::with_size(80 * 48 * 3 / 2).expect("buffer");
        let strides = |buffer: &gst::BufferRef| -> Vec<(usize, u32)> {
            planes_of(buffer, &caps)
                .expect("planes")
                .iter()
                .map(|p| (p.offset, p.stride))
                .collect()
        };
        assert_eq!(strides(&buffer), [(0, 64), (64 * 48, 64)]);

        let flags = gst_video::VideoFrameFlags::empty();
        let inner = buffer.get_mut().expect("writable");
        VideoMeta::add_full(
            inner,
            flags,
            VideoFormat::Nv12,
            64,
            48,
            &[0, 80 * 48],
            &[80, 80],
        )
        .expect("meta");
        assert_eq!(strides(&buffer), [(0, 80), (80 * 48, 80)]);
    }

    #[test]
    fn a_cropped_picture_keeps_its_size_in_memory() {
        let caps = nv12();
        let mut buffer = gst::Buffer::with_size(80 * 60 * 3 / 2).expect("buffer");
        assert_eq!(size_of(&buffer, &caps), (64, 48));
        let inner = buffer.get_mut().expect("writable");
        let flags = gst_video::VideoFrameFlags::empty();
        let planes = (&[0, 80 * 60], &[80, 80]);
        VideoMeta::add_full(inner, flags, VideoFormat::Nv12, 80, 60, planes.0, planes.1)
            .expect("meta");
        gst_video::VideoCropMeta::add(inner, (8, 6, 64, 48));
        assert_eq!(size_of(&buffer, &caps), (80, 60));
    }

    #[test]
    fn bottom_up_pictures_are_refused() {
        let caps = nv12();
        let mut buffer = gst::Buffer::with_size(64 * 48 * 3 / 2).expect("buffer");
        let flags = gst_video::VideoFrameFlags::empty();
        let inner = buffer.get_mut().expect("writable");
        VideoMeta::add_full(
            inner,
            flags,
            VideoFormat::Nv12,
            64,
            48,
            &[0, 64 * 48],
            &[-64, 64],
        )
        .expect("meta");
        assert!(matches!(
            planes_of(&buffer, &caps),
            Err(FrameOfError::Stride {
                plane: 0,
                stride: -64
            })
        ));
    }

    #[test]
    fn offsets_count_over_all_memories() {
        gst::init().expect("GStreamer");
        let mut buffer = gst::Buffer::new();
        let inner = buffer.get_mut().expect("writable");
        inner.append_memory(gst::Memory::with_size(100));
        inner.append_memory(gst::Memory::with_size(50));
        assert_eq!(find_memory(&buffer, 0), Some((0, 0)));
        assert_eq!(find_memory(&buffer, 99), Some((0, 99)));
        assert_eq!(find_memory(&buffer, 100), Some((1, 0)));
        assert_eq!(find_memory(&buffer, 150), None);
    }
}
