//! Memory that a V4L2 driver makes and exports.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use dmabuf_heap::{AllocateError, ByteAllocator, Capabilities, Contiguity, DmaBuf};
use rustix::io::Errno;

use crate::device::{Device, OpenError, Queue};
use crate::format::{BufferFormat, RawFormat};
use crate::uapi::{self, CreateBuffers, RequestBuffers};

const CREATE: &str = "VIDIOC_CREATE_BUFS";
const EXPORT: &str = "VIDIOC_EXPBUF";

/// The buffers that a V4L2 driver makes, exported as dma-bufs: memory that the device takes, whatever else it refuses. On kernels
/// without a heap for contiguous memory, the one way to some.
///
/// `VIDIOC_CREATE_BUFS`, `VIDIOC_EXPBUF`, `VIDIOC_REQBUFS(0)`: the dma-buf outlives the driver's buffer, and the queue is nobody's
/// afterwards. That needs `V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS`, which Linux has since 4.20. The format of the device is not
/// changed. While somebody streams, there is no memory (EBUSY).
///
/// Wrap it in [`Linear`](dmabuf_heap::Linear) for frames.
pub struct ExportAllocator {
    open: Arc<OpenDevice>,
    queue: Queue,
    name: String,
}

/// How a device is opened, for the length of one call.
pub(crate) type OpenDevice = dyn Fn() -> io::Result<OwnedFd> + Send + Sync;

impl ExportAllocator {
    /// The allocator of a queue of the device that `open` opens, each time anew or as a duplicate of a file. It is called
    /// `v4l2-video0` after its node, and on a mem2mem device with the direction behind.
    ///
    /// # Errors
    ///
    /// `open` fails, or opens something else.
    pub fn new(
        open: impl Fn() -> io::Result<OwnedFd> + Send + Sync + 'static,
        queue: Queue,
    ) -> Result<Self, OpenError> {
        let device = Device::from_fd(open().map_err(OpenError::from_caller)?)?;
        Ok(Self::of(Arc::new(open), queue, &device))
    }

    pub(crate) fn of(open: Arc<OpenDevice>, queue: Queue, device: &Device) -> Self {
        let node = device.info().path.file_name().unwrap_or_default();
        let node = node.to_string_lossy();
        let name = match (device.info().queues(), queue) {
            ([_one], _) => format!("v4l2-{node}"),
            (_, Queue::Capture) => format!("v4l2-{node}-capture"),
            (_, Queue::Output) => format!("v4l2-{node}-output"),
        };
        Self { open, queue, name }
    }

    fn failed(&self, operation: &'static str, len: u64) -> impl Fn(Errno) -> AllocateError {
        let allocator = self.name.clone();
        move |errno| match errno {
            Errno::NOMEM => AllocateError::NoMemory {
                allocator: allocator.clone(),
                len,
                hint: String::new(),
                errno: errno.into(),
            },
            _ => AllocateError::Failed {
                allocator: allocator.clone(),
                operation,
                len,
                errno: errno.into(),
            },
        }
    }

    /// One buffer of the driver, of at least `len` bytes in its first plane.
    fn create(&self, device: &Device, len: u64) -> Result<Driver<'_>, AllocateError> {
        let failed = self.failed(CREATE, len);
        let size = u32::try_from(len).map_err(|_beyond| AllocateError::TooLarge {
            allocator: self.name.clone(),
            len,
            limit: "what V4L2 counts in 32 bits".into(),
        })?;
        let buffer_type = device.info().buffer_type(self.queue);
        if uapi::has_buffers(device.as_fd(), buffer_type) {
            return Err(failed(Errno::BUSY));
        }
        let raw = device
            .raw_format(self.queue)
            .map_err(|error| failed(Errno::from_io_error(&error.errno).unwrap_or(Errno::INVAL)))?;
        let (index, capabilities) = create(device, with_size(raw, size)).map_err(&failed)?;
        let driver = Driver {
            allocator: self,
            buffer_type,
            index,
        };
        if capabilities & uapi::BUF_CAP_SUPPORTS_ORPHANED_BUFS == 0 {
            driver.free(device);
            return Err(failed(Errno::OPNOTSUPP));
        }
        Ok(driver)
    }
}

/// A buffer that the driver has made.
struct Driver<'a> {
    allocator: &'a ExportAllocator,
    buffer_type: u32,
    index: u32,
}

impl Driver<'_> {
    fn export(&self, device: &Device, len: u64) -> Result<DmaBuf, AllocateError> {
        let failed = self.allocator.failed(EXPORT, len);
        let fd = uapi::export(device.as_fd(), self.buffer_type, self.index, 0).map_err(failed)?;
        DmaBuf::from_fd(fd).map_err(|error| AllocateError::NotDmaBuf {
            allocator: self.allocator.name.clone(),
            error,
        })
    }

    fn free(&self, device: &Device) {
        let mut request = RequestBuffers {
            buffer_type: self.buffer_type,
            memory: uapi::MEMORY_MMAP,
            ..RequestBuffers::default()
        };
        // On ENODEV the driver is gone and has let go of everything.
        if let Err(error) = uapi::request_buffers(device.as_fd(), &mut request)
            && error != Errno::NODEV
        {
            let device = device.info();
            tracing::error!(%device, %error, "an exported buffer keeps its queue");
        }
    }
}

impl ByteAllocator for ExportAllocator {
    fn name(&self) -> &str {
        &self.name
    }

    /// V4L2 does not say what its drivers' memory is like: that of a device with a DMA engine and no IOMMU is contiguous, and
    /// may be uncached.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            contiguity: Contiguity::Unknown,
            cacheable: false,
            mappable: true,
            protected: false,
            max_len: Some(u32::MAX.into()),
        }
    }

    fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError> {
        let open = || -> io::Result<Device> {
            let fd = (self.open)()?;
            Device::from_fd(fd).map_err(io::Error::other)
        };
        let device = open().map_err(|errno| AllocateError::Failed {
            allocator: self.name.clone(),
            operation: "open",
            len,
            errno,
        })?;
        let driver = self.create(&device, len)?;
        let dmabuf = driver.export(&device, len);
        driver.free(&device);
        dmabuf
    }
}

impl fmt::Debug for ExportAllocator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExportAllocator")
            .field("name", &self.name)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

/// The format with at least so many bytes in the first plane: drivers refuse less than the picture needs.
fn with_size(raw: RawFormat, size: u32) -> RawFormat {
    let mut buffers: Vec<BufferFormat> = crate::QueueFormat::from(&raw).buffers;
    if let Some(first) = buffers.first_mut() {
        first.size_image = first.size_image.max(size);
    }
    raw.with_buffers(&buffers)
}

/// Index of the buffer, and `V4L2_BUF_CAP_*`.
fn create(device: &Device, format: RawFormat) -> Result<(u32, u32), Errno> {
    match format {
        RawFormat::Single(format) => {
            let mut request = CreateBuffers::new(1, uapi::MEMORY_MMAP, format);
            uapi::create_single(device.as_fd(), &mut request)?;
            Ok((request.index, request.capabilities))
        }
        RawFormat::Multi(format) => {
            let mut request = CreateBuffers::new(1, uapi::MEMORY_MMAP, format);
            uapi::create_multi(device.as_fd(), &mut request)?;
            Ok((request.index, request.capabilities))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::V4l2Fourcc;
    use crate::{FormatRequest, QueueFormat, Size};

    #[test]
    fn a_buffer_is_never_smaller_than_the_picture_of_the_device() {
        let size = Size {
            width: 64,
            height: 32,
        };
        let buffer = |size_image| BufferFormat {
            bytes_per_line: 64,
            size_image,
        };
        let request = FormatRequest::new(V4l2Fourcc::from_bytes(b"NM12"), size)
            .buffers(&[buffer(2048), buffer(1024)]);
        let raw = request.raw(uapi::BUF_TYPE_VIDEO_CAPTURE_MPLANE);
        let sizes = |size| -> Vec<u32> {
            let format = QueueFormat::from(&with_size(raw, size));
            format.buffers.iter().map(|b| b.size_image).collect()
        };
        assert_eq!(sizes(4096), [4096, 1024]);
        assert_eq!(sizes(1), [2048, 1024]);
    }
}
