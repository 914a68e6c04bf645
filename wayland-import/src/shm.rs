//! Pictures in shared memory: copies, where nothing can be imported, and what lies behind a picture.

use std::sync::{Mutex, PoisonError};

use dmabuf_heap::{FrameLayout, PixelFormat, PlaneFormat};
use smithay_client_toolkit::shm::raw::RawPool;
use wayland_client::protocol::wl_buffer::WlBuffer;

use crate::buffer::{BufferData, BufferId};
use crate::client::shm_of_fourcc;
use crate::link::Link;

/// A buffer of `wl_shm` with memory of its own.
#[derive(Debug)]
pub(crate) struct ShmBuffer {
    pub(crate) id: BufferId,
    pub(crate) wl_buffer: WlBuffer,
    layout: FrameLayout,
    pool: Mutex<RawPool>,
}

/// Why there is no buffer in shared memory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShmError {
    #[error("wl_shm has no such format")]
    Format,
    /// `wl_shm` has one stride for all planes, and none for where they begin. Compositors agree while all planes have whole
    /// rows and columns.
    #[error(
        "the chroma planes have no whole rows and columns, and compositors find those at different places in wl_shm"
    )]
    Subsampling,
    #[error("{reason}")]
    Memory { len: u64, reason: String },
}

impl ShmBuffer {
    /// A buffer for pictures of this format and size. Its stride is its own; planes follow each other, and the stride of the
    /// first tells those of the others, which is how compositors read `wl_shm`.
    pub(crate) fn new(link: &Link, picture: &FrameLayout) -> Result<ShmBuffer, ShmError> {
        let fourcc = picture.fourcc();
        let format = shm_of_fourcc(fourcc).ok_or(ShmError::Format)?;
        let (width, height) = (picture.width(), picture.height());
        let planes = PixelFormat::find(fourcc).ok_or(ShmError::Format)?.planes();
        let is_whole = |plane: &PlaneFormat| {
            width.is_multiple_of(plane.horizontal_subsampling)
                && height.is_multiple_of(plane.vertical_subsampling)
        };
        if !planes.iter().all(is_whole) {
            return Err(ShmError::Subsampling);
        }
        let layout =
            FrameLayout::linear(fourcc, width, height, 4).map_err(|error| ShmError::Memory {
                len: 0,
                reason: error.to_string(),
            })?;
        let memory = |reason: String| ShmError::Memory {
            len: layout.size(),
            reason,
        };
        let number = |value: u32| {
            i32::try_from(value).map_err(|_too_large| memory("wl_shm has 31 bits for sizes".into()))
        };
        let len = i32::try_from(layout.size())
            .map_err(|_too_large| memory("wl_shm has 31 bits for sizes".into()))?;
        let (width, height, stride) = (
            number(width)?,
            number(height)?,
            number(layout.planes()[0].stride)?,
        );
        let mut pool = RawPool::new(len.unsigned_abs() as usize, &link.globals)
            .map_err(|error| memory(error.to_string()))?;
        let id = link.buffers.next_id();
        let data = BufferData::of(id);
        let wl_buffer = pool.create_buffer(0, width, height, stride, format, data, &link.handle);
        Ok(ShmBuffer {
            id,
            wl_buffer,
            layout,
            pool: Mutex::new(pool),
        })
    }

    /// Whether it holds pictures like this one.
    pub(crate) fn suits(&self, picture: &FrameLayout) -> bool {
        (
            self.layout.format(),
            self.layout.width(),
            self.layout.height(),
        ) == (picture.format(), picture.width(), picture.height())
    }

    /// Bytes of the picture without padding.
    pub(crate) fn picture_bytes(&self) -> u64 {
        self.planes()
            .map(|plane| plane.rows as u64 * plane.row_len as u64)
            .sum()
    }

    /// Calls `fill` for each row of each plane, with the numbers of both and the bytes of its pixels, until it fails.
    pub(crate) fn fill<E>(
        &self,
        mut fill: impl FnMut(usize, u32, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = pool.mmap();
        for (index, plane) in self.planes().enumerate() {
            let rows = memory[plane.offset..].chunks_mut(plane.stride);
            for (row, bytes) in (0..).zip(rows.take(plane.rows)) {
                fill(index, row, &mut bytes[..plane.row_len])?;
            }
        }
        Ok(())
    }

    fn planes(&self) -> impl Iterator<Item = Plane> {
        let layout = &self.layout;
        let number = |number: u64| usize::try_from(number).unwrap_or(0);
        layout
            .planes()
            .iter()
            .enumerate()
            .map(move |(index, plane)| Plane {
                offset: number(plane.offset),
                stride: plane.stride as usize,
                rows: layout.rows(index).unwrap_or(0) as usize,
                row_len: number(layout.row_bytes(index).unwrap_or(0)),
            })
    }
}

/// Where a plane lies, in bytes of memory that is there.
struct Plane {
    offset: usize,
    stride: usize,
    rows: usize,
    row_len: usize,
}

impl Drop for ShmBuffer {
    fn drop(&mut self) {
        self.wl_buffer.destroy();
    }
}
