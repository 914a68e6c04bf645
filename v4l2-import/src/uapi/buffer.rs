//! `struct v4l2_buffer`, and the ioctls that prepare, queue, dequeue and export buffers.

use std::ffi::c_long;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::{Errno, Result};
use rustix::ioctl::{Opcode, opcode};

use super::{is_multiplanar, update};

const QUERYBUF: Opcode = opcode::read_write::<V4l2Buffer>(b'V', 9);
const QBUF: Opcode = opcode::read_write::<V4l2Buffer>(b'V', 15);
const EXPBUF: Opcode = opcode::read_write::<ExportBuffer>(b'V', 16);
const DQBUF: Opcode = opcode::read_write::<V4l2Buffer>(b'V', 17);
const PREPARE_BUF: Opcode = opcode::read_write::<V4l2Buffer>(b'V', 93);

/// `VIDEO_MAX_PLANES`
pub(crate) const MAX_BUFFER_PLANES: usize = 8;
/// `V4L2_MEMORY_MMAP`
pub(crate) const MEMORY_MMAP: u32 = 1;
/// `V4L2_MEMORY_DMABUF`
pub(crate) const MEMORY_DMABUF: u32 = 4;

/// The union of `struct v4l2_plane`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union PlaneMemory {
    pub(crate) fd: i32,
    pub(crate) offset: u32,
    pub(crate) userptr: usize,
}

/// `struct v4l2_plane`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Plane {
    pub(crate) bytesused: u32,
    pub(crate) length: u32,
    pub(crate) memory: PlaneMemory,
    pub(crate) data_offset: u32,
    pub(crate) reserved: [u32; 11],
}

impl Default for Plane {
    fn default() -> Self {
        Self {
            bytesused: 0,
            length: 0,
            memory: PlaneMemory { userptr: 0 },
            data_offset: 0,
            reserved: [0; 11],
        }
    }
}

impl Plane {
    /// Where to map it, once `VIDIOC_QUERYBUF` has told.
    pub(crate) fn offset(&self) -> u32 {
        // SAFETY: every member of the union is plain bits, and all were written when the plane was made.
        unsafe { self.memory.offset }
    }
}

/// The union of `struct v4l2_buffer`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) union BufferMemory {
    pub(crate) fd: i32,
    pub(crate) offset: u32,
    pub(crate) userptr: usize,
    pub(crate) planes: *mut Plane,
}

/// `struct v4l2_timecode`
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Timecode {
    kind: u32,
    flags: u32,
    parts: [u8; 4],
    user_bits: [u8; 4],
}

/// `struct v4l2_buffer`. On 32-bit machines this is the variant with 32-bit times, which every kernel takes there.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct V4l2Buffer {
    pub(crate) index: u32,
    pub(crate) buffer_type: u32,
    pub(crate) bytesused: u32,
    pub(crate) flags: u32,
    pub(crate) field: u32,
    /// Seconds and microseconds.
    pub(crate) timestamp: [c_long; 2],
    timecode: Timecode,
    pub(crate) sequence: u32,
    pub(crate) memory_kind: u32,
    pub(crate) memory: BufferMemory,
    pub(crate) length: u32,
    pub(crate) reserved: u32,
    request_fd: u32,
}

impl V4l2Buffer {
    pub(crate) fn new(buffer_type: u32, index: u32) -> Self {
        Self {
            index,
            buffer_type,
            bytesused: 0,
            flags: 0,
            field: 0,
            timestamp: [0; 2],
            timecode: Timecode::default(),
            sequence: 0,
            memory_kind: 0,
            memory: BufferMemory { userptr: 0 },
            length: 0,
            reserved: 0,
            request_fd: 0,
        }
    }
}

/// `struct v4l2_exportbuffer`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct ExportBuffer {
    pub(crate) buffer_type: u32,
    pub(crate) index: u32,
    pub(crate) plane: u32,
    pub(crate) flags: u32,
    pub(crate) fd: i32,
    pub(crate) reserved: [u32; 11],
}

/// Attaches and maps the memory in `planes` to a buffer that REQBUFS made, without queueing it.
///
/// On a multi-planar queue the driver's answer, with its `data_offset`s, is in `planes` afterwards.
pub(crate) fn prepare(
    device: BorrowedFd<'_>,
    buffer: &mut V4l2Buffer,
    planes: &mut [Plane],
) -> Result<()> {
    exchange::<PREPARE_BUF>(device, buffer, planes)
}

/// Gives a buffer to the driver.
pub(crate) fn queue(
    device: BorrowedFd<'_>,
    buffer: &mut V4l2Buffer,
    planes: &mut [Plane],
) -> Result<()> {
    exchange::<QBUF>(device, buffer, planes)
}

/// Takes a buffer that the driver has finished; what it says of each plane is in `planes` afterwards.
pub(crate) fn dequeue(
    device: BorrowedFd<'_>,
    buffer: &mut V4l2Buffer,
    planes: &mut [Plane],
) -> Result<()> {
    exchange::<DQBUF>(device, buffer, planes)
}

/// Length and offset for `mmap` of each plane of a buffer with driver memory.
pub(crate) fn query(
    device: BorrowedFd<'_>,
    buffer: &mut V4l2Buffer,
    planes: &mut [Plane],
) -> Result<()> {
    exchange::<QUERYBUF>(device, buffer, planes)
}

/// Whether the queue has buffers, whoever made them.
pub(crate) fn has_buffers(device: BorrowedFd<'_>, buffer_type: u32) -> bool {
    let mut planes = [Plane::default(); MAX_BUFFER_PLANES];
    let count = if is_multiplanar(buffer_type) {
        MAX_BUFFER_PLANES
    } else {
        1
    };
    let mut buffer = V4l2Buffer::new(buffer_type, 0);
    query(device, &mut buffer, &mut planes[..count]).is_ok()
}

/// One plane of a buffer with driver memory as a dma-buf, open for reading and writing.
pub(crate) fn export(
    device: BorrowedFd<'_>,
    buffer_type: u32,
    index: u32,
    plane: u32,
) -> Result<OwnedFd> {
    let mut request = ExportBuffer {
        buffer_type,
        index,
        plane,
        flags: (OFlags::CLOEXEC | OFlags::RDWR).bits(),
        ..ExportBuffer::default()
    };
    // SAFETY: the type mirrors struct v4l2_exportbuffer and holds no pointer.
    unsafe { update::<EXPBUF, ExportBuffer>(device, &mut request) }?;
    // SAFETY: the ioctl succeeded, so it made this fd for us and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(request.fd) })
}

/// Issues an ioctl on a buffer whose planes lie in `planes`, on either interface.
fn exchange<const OPCODE: Opcode>(
    device: BorrowedFd<'_>,
    buffer: &mut V4l2Buffer,
    planes: &mut [Plane],
) -> Result<()> {
    attach(buffer, planes)?;
    // SAFETY: the type mirrors struct v4l2_buffer, which all opcodes given here take; the one pointer that it may hold is to
    // `planes`, with their number beside it, and `planes` is borrowed for longer than the call.
    let result = unsafe { update::<OPCODE, V4l2Buffer>(device, buffer) };
    detach(buffer, planes);
    result
}

/// A queue takes either one description of memory in the buffer itself, or an array of them behind a pointer.
fn attach(buffer: &mut V4l2Buffer, planes: &mut [Plane]) -> Result<()> {
    if is_multiplanar(buffer.buffer_type) {
        buffer.length = u32::try_from(planes.len()).map_err(|_too_many| Errno::INVAL)?;
        buffer.memory.planes = planes.as_mut_ptr();
        return Ok(());
    }
    let [plane] = planes else {
        return Err(Errno::INVAL);
    };
    buffer.length = plane.length;
    buffer.bytesused = plane.bytesused;
    // SAFETY: every member of the union is plain bits and all were written when the plane was made.
    buffer.memory.userptr = unsafe { plane.memory.userptr };
    Ok(())
}

/// Brings the driver's answer to where it is on the multi-planar interface, and leaves no pointer in the buffer.
fn detach(buffer: &mut V4l2Buffer, planes: &mut [Plane]) {
    if let ([plane], false) = (planes, is_multiplanar(buffer.buffer_type)) {
        plane.length = buffer.length;
        plane.bytesused = buffer.bytesused;
        // SAFETY: as in `attach`: plain bits, all written there or by the kernel.
        plane.memory.userptr = unsafe { buffer.memory.userptr };
    }
    buffer.memory.userptr = 0;
}

const _: () = {
    assert!(size_of::<ExportBuffer>() == 64);
};

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<Plane>() == 64);
    assert!(size_of::<V4l2Buffer>() == 88);
    assert!(std::mem::offset_of!(V4l2Buffer, timestamp) == 24);
    assert!(std::mem::offset_of!(V4l2Buffer, sequence) == 56);
    assert!(std::mem::offset_of!(V4l2Buffer, memory) == 64);
    assert!(std::mem::offset_of!(V4l2Buffer, length) == 72);
};

#[cfg(target_pointer_width = "32")]
const _: () = {
    assert!(size_of::<Plane>() == 60);
    assert!(size_of::<V4l2Buffer>() == 68);
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uapi::{BUF_TYPE_VIDEO_CAPTURE, BUF_TYPE_VIDEO_OUTPUT_MPLANE};

    /// The numbers that a C program including the kernel headers prints on 64-bit x86, ARM and RISC-V.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn opcodes_are_those_of_the_kernel_headers() {
        assert_eq!(QUERYBUF, 0xc058_5609);
        assert_eq!(QBUF, 0xc058_560f);
        assert_eq!(EXPBUF, 0xc040_5610);
        assert_eq!(DQBUF, 0xc058_5611);
        assert_eq!(PREPARE_BUF, 0xc058_565d);
    }

    #[test]
    fn a_single_planar_queue_takes_one_plane() {
        let mut buffer = V4l2Buffer::new(BUF_TYPE_VIDEO_CAPTURE, 0);
        let mut planes = [Plane::default(); 2];
        planes[0].length = 4096;
        planes[0].memory.fd = 7;
        assert_eq!(attach(&mut buffer, &mut planes), Err(Errno::INVAL));
        assert_eq!(attach(&mut buffer, &mut planes[..1]), Ok(()));
        assert_eq!(buffer.length, 4096);
        // SAFETY: plain bits, written by `attach`.
        assert_eq!(unsafe { buffer.memory.fd }, 7);
    }

    #[test]
    fn the_answer_of_a_single_planar_queue_is_in_its_plane() {
        let mut buffer = V4l2Buffer::new(BUF_TYPE_VIDEO_CAPTURE, 0);
        let mut planes = [Plane::default()];
        buffer.bytesused = 100;
        buffer.length = 4096;
        detach(&mut buffer, &mut planes);
        assert_eq!((planes[0].bytesused, planes[0].length), (100, 4096));
    }

    #[test]
    fn a_multi_planar_queue_takes_an_array_and_its_length_and_keeps_no_pointer() {
        let mut buffer = V4l2Buffer::new(BUF_TYPE_VIDEO_OUTPUT_MPLANE, 0);
        let mut planes = [Plane::default(); 3];
        planes[1].bytesused = 5;
        assert_eq!(attach(&mut buffer, &mut planes), Ok(()));
        assert_eq!(buffer.length, 3);
        detach(&mut buffer, &mut planes);
        assert_eq!(planes[1].bytesused, 5);
        // SAFETY: plain bits, written by `detach`.
        assert_eq!(unsafe { buffer.memory.userptr }, 0);
    }
}
