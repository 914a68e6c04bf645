use std::io;
use std::sync::{Arc, Weak};

use dmabuf_heap::{
    AllocateError, Allocator, Capabilities, Contiguity, DmaBuf, Frame, FrameLayout, LayoutRequest,
    PixelFormat,
};
use rustix::io::Errno;
use tracing::debug;

use super::{Dumb, Shape};
use crate::device::Device;

const CREATE: &str = "DRM_IOCTL_MODE_CREATE_DUMB";
const EXPORT: &str = "DRM_IOCTL_PRIME_HANDLE_TO_FD";

/// The dumb buffers of a card, exported as dma-bufs: memory that its planes take, whatever else they refuse.
///
/// Linear pictures of every format that the pixel-format table has, all planes in one buffer or each in its own.
/// Where a request leaves the strides open, they are what the driver likes. The buffers outlive the card. It is held weakly: an allocator keeps no card open and no DRM master. Needs no master.
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
        let lens = request.dmabuf_lens()?;
        let mut dmabufs = Vec::with_capacity(lens.len());
        let mut pitch = 0;
        for (index, &len) in lens.iter().enumerate() {
            let shape = shape(&layout, index, lens.len(), len);
            let (dmabuf, driver_pitch) = self.make(shape, len)?;
            name_after(&dmabuf, &layout);
            pitch = driver_pitch;
            dmabufs.push(Arc::new(dmabuf));
        }
        let layout = match dmabufs.as_slice() {
            [one] => longer_layout(request, pitch, one.len()).unwrap_or(layout),
            _ => layout,
        };
        Frame::new(layout, &dmabufs).map_err(|error| AllocateError::Frame {
            allocator: self.name.clone(),
            error,
        })
    }
}

/// What to ask for the `index`-th of `count` dma-bufs.
fn shape(layout: &FrameLayout, index: usize, count: usize, len: u64) -> Option<Shape> {
    let stride = layout.planes().get(index)?.stride;
    if count > 1 {
        return Shape::of_bytes(stride, len);
    }
    Shape::holding(PixelFormat::find(layout.fourcc())?, stride, len)
}

/// The layout with the rows that the driver likes, where the request leaves them open and the buffer holds them.
fn longer_layout(request: &LayoutRequest, pitch: u32, len: u64) -> Option<FrameLayout> {
    let longer = request.lengthened(pitch)?;
    let needed = longer.dmabuf_lens().ok()?;
    needed.iter().all(|&needed| needed <= len).then_some(())?;
    longer.layout().ok()
}

/// Says in debugfs what the buffer is for. Nothing depends on it.
fn name_after(dmabuf: &DmaBuf, layout: &FrameLayout) {
    let (width, height) = (layout.width(), layout.height());
    let name = format!("dmaheap {} {width}x{height}", layout.fourcc());
    if let Err(error) = dmabuf.set_name(&name) {
        debug!(%error, "a buffer stays without a name");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmabuf_heap::Fourcc;

    #[test]
    fn the_rows_that_the_driver_likes_are_taken_where_the_request_leaves_them_open() {
        let request = LayoutRequest::new(Fourcc::NV12, 641, 480);
        let layout = longer_layout(&request, 704, 704 * 720).unwrap();
        assert_eq!(layout.planes()[0].stride, 704);
        assert_eq!(layout.planes()[1].offset, 704 * 480);
        assert_eq!(
            longer_layout(&request, 704, 704 * 720 - 1),
            None,
            "too short"
        );
    }

    #[test]
    fn strides_that_are_given_stay() {
        let given = LayoutRequest::new(Fourcc::NV12, 641, 480).plane_strides(&[642]);
        assert_eq!(longer_layout(&given, 704, 1 << 20), None);
        let aligned = LayoutRequest::new(Fourcc::NV12, 641, 480).stride_align(256);
        assert_eq!(longer_layout(&aligned, 704, 1 << 20), None);
    }

    #[test]
    fn planes_of_their_own_are_bytes_of_their_own_rows() {
        let request = LayoutRequest::new(Fourcc::YUV420, 640, 480).per_plane();
        let layout = request.layout().unwrap();
        let lens = request.dmabuf_lens().unwrap();
        let shape = shape(&layout, 1, lens.len(), lens[1]).unwrap();
        assert_eq!(
            (shape.width, shape.height, shape.bits_per_pixel),
            (320, 240, 8)
        );
    }
}
