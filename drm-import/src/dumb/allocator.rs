use std::io;
use std::sync::{Arc, Weak};

use dmabuf_heap::{
    AllocateError, Allocator, Capabilities, Contiguity, DmaBuf, Frame, LayoutRequest, PixelFormat,
};
use rustix::io::Errno;

use super::{Dumb, Shape};
use crate::device::Device;

const CREATE: &str = "DRM_IOCTL_MODE_CREATE_DUMB";
const EXPORT: &str = "DRM_IOCTL_PRIME_HANDLE_TO_FD";

/// The dumb buffers of a card, exported as dma-bufs: memory that its planes take, whatever else they refuse.
///
/// Linear pictures of every format that the pixel-format table has, all planes in one buffer or each in its own. The
/// buffers outlive the card. It is held weakly: an allocator keeps no card open and no DRM master. Needs no master.
#[derive(Debug)]
pub struct DumbAllocator {
    name: String,
    device: Weak<Device>,
}

impl DumbAllocator {
    /// The allocator of this card, called `dumb-card0` after its node.
    pub fn new(device: &Arc<Device>) -> DumbAllocator {
        let node = device.path().file_name().unwrap_or_default();
        DumbAllocator {
            name: format!("dumb-{}", node.display()),
            device: Arc::downgrade(device),
        }
    }

    /// Memory for a layout, and the bytes from row to row that the driver chose.
    fn make(&self, shape: Option<Shape>, len: u64) -> Result<(DmaBuf, u32), AllocateError> {
        let failed = |operation| {
            move |errno: io::Error| match errno.raw_os_error().map(Errno::from_raw_os_error) {
                Some(Errno::NOMEM) => AllocateError::NoMemory {
                    allocator: self.name.clone(),
                    len,
                    hint: String::new(),
                    errno,
                },
                _ => AllocateError::Failed {
                    allocator: self.name.clone(),
                    operation,
                    len,
                    errno,
                },
            }
        };
        let shape = shape.ok_or_else(|| AllocateError::TooLarge {
            allocator: self.name.clone(),
            len,
            limit: "what KMS counts in 32 bits".into(),
        })?;
        let device = self
            .device
            .upgrade()
            .ok_or_else(|| failed(CREATE)(Errno::NODEV.into()))?;
        let dumb = Dumb::create(device.card(), shape).map_err(failed(CREATE))?;
        let fd = dumb.export().map_err(failed(EXPORT))?;
        let dmabuf = DmaBuf::from_fd(fd).map_err(|error| AllocateError::NotDmaBuf {
            allocator: self.name.clone(),
            error,
        })?;
        Ok((dmabuf, dumb.pitch()))
    }
}

impl Allocator for DumbAllocator {
    fn name(&self) -> &str {
        &self.name
    }

    /// The kernel promises nothing about dumb buffers but that their driver can show them: some are contiguous, some
    /// are write-combined, some are in video memory.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            contiguity: Contiguity::Unknown,
            cacheable: false,
            mappable: true,
            protected: false,
            max_len: None,
        }
    }

    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        let layout = request.layout()?;
        let format = PixelFormat::find(layout.fourcc());
        let dmabufs = layout
            .planes()
            .iter()
            .zip(request.dmabuf_lens()?)
            .map(|(plane, len)| {
                let shape = format.and_then(|format| Shape::holding(format, plane.stride, len));
                let (dmabuf, _pitch) = self.make(shape, len)?;
                Ok(Arc::new(dmabuf))
            })
            .collect::<Result<Vec<_>, AllocateError>>()?;
        Frame::new(layout, &dmabufs).map_err(|error| AllocateError::Frame {
            allocator: self.name.clone(),
            error,
        })
    }
}
