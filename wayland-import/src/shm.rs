//! Pictures in shared memory: copies, where nothing can be imported, and what lies behind a picture.

use std::sync::{Mutex, PoisonError};

use dmabuf_heap::{FrameLayout, PixelFormat};
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
    #[error("only pictures of one plane go through wl_shm, in formats that it lists")]
    Format,
    #[error("{reason}")]
    Memory { len: u64, reason: String },
}

impl ShmBuffer {
    /// A buffer for pictures of this format and size. Its stride is its own.
    pub(crate) fn new(link: &Link, picture: &FrameLayout) -> Result<ShmBuffer, ShmError> {
        let fourcc = picture.fourcc();
        let format = shm_of_fourcc(fourcc).ok_or(ShmError::Format)?;
        if PixelFormat::find(fourcc).is_none_or(|format| format.planes().len() != 1) {
            return Err(ShmError::Format);
        }
        let (width, height) = (picture.width(), picture.height());
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
        let rows = self.layout.rows(0).unwrap_or(0);
        self.layout.row_bytes(0).unwrap_or(0) * u64::from(rows)
    }

    /// Calls `fill` for each row of the picture with the bytes of its pixels, until it fails.
    pub(crate) fn fill<E>(
        &self,
        mut fill: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let stride = self.layout.planes()[0].stride as usize;
        let row_len = self.layout.row_bytes(0).unwrap_or(0);
        let row_len = usize::try_from(row_len).unwrap_or(0);
        for (row, bytes) in (0..).zip(pool.mmap().chunks_mut(stride)) {
            fill(row, &mut bytes[..row_len])?;
        }
        Ok(())
    }
}

impl Drop for ShmBuffer {
    fn drop(&mut self) {
        self.wl_buffer.destroy();
    }
}
