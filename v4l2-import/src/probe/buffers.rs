use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use dmabuf_heap::Frame;
use rustix::io::Errno;

use super::fit::Piece;
use crate::uapi::{self, Plane, PlaneMemory, RequestBuffers, V4l2Buffer};

/// A queue with buffers for dma-bufs, which are freed when this is dropped: detached, unmapped, owned by nobody.
pub(crate) struct Buffers<'a> {
    device: BorrowedFd<'a>,
    buffer_type: u32,
}

impl<'a> Buffers<'a> {
    /// EBUSY: somebody else has buffers there. EINVAL: no dma-bufs.
    pub(crate) fn request(device: BorrowedFd<'a>, buffer_type: u32) -> Result<Self, Errno> {
        let mut request = RequestBuffers {
            count: 1,
            buffer_type,
            memory: uapi::MEMORY_DMABUF,
            ..RequestBuffers::default()
        };
        uapi::request_buffers(device, &mut request)?;
        let buffers = Self {
            device,
            buffer_type,
        };
        // Kernels since 4.20 say what they support; 0 is from before.
        if request.capabilities != 0 && request.capabilities & uapi::BUF_CAP_SUPPORTS_DMABUF == 0 {
            return Err(Errno::INVAL);
        }
        Ok(buffers)
    }

    /// Attaches and maps a frame to the first buffer. Answers where the driver says that the pixels of each piece start.
    pub(crate) fn prepare(&self, frame: &Frame, pieces: &[Piece]) -> Result<Vec<u32>, Errno> {
        let mut planes: Vec<Plane> = pieces
            .iter()
            .map(|piece| Plane {
                bytesused: piece.used,
                length: piece.length,
                memory: PlaneMemory {
                    fd: frame.dmabuf(piece.plane).as_fd().as_raw_fd(),
                },
                data_offset: piece.data_offset,
                ..Plane::default()
            })
            .collect();
        let mut buffer = V4l2Buffer::new(self.buffer_type, 0);
        buffer.memory_kind = uapi::MEMORY_DMABUF;
        buffer.field = uapi::FIELD_NONE;
        uapi::prepare(self.device, &mut buffer, &mut planes)?;
        Ok(planes.iter().map(|plane| plane.data_offset).collect())
    }
}

impl Drop for Buffers<'_> {
    fn drop(&mut self) {
        let mut request = RequestBuffers {
            buffer_type: self.buffer_type,
            memory: uapi::MEMORY_DMABUF,
            ..RequestBuffers::default()
        };
        // On ENODEV the driver is gone and has let go of everything.
        if let Err(error) = uapi::request_buffers(self.device, &mut request)
            && error != Errno::NODEV
        {
            tracing::error!(%error, "the buffers of a probe cannot be freed");
        }
    }
}
