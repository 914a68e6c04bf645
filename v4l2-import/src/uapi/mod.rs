//! The kernel interface of this crate: opcodes, flags and the only ioctls.
//!
//! Everything here mirrors `include/uapi/linux/videodev2.h`.
#![expect(
    unsafe_code,
    reason = "ioctls take untyped pointers; each is wrapped once, here, in a safe function"
)]

mod structs;

use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result};
use rustix::ioctl::{self, Opcode, Updater, opcode};

pub(crate) use structs::{
    Capability, Control, FormatDescription, FrameIntervalEnum, FrameSizeEnum, MAX_BUFFER_PLANES,
    MultiFormat, PixFormat, PixFormatMplane, Plane, PlaneMemory, RequestBuffers, Selection,
    SingleFormat, StreamParameters, V4l2Buffer,
};

const QUERYCAP: Opcode = opcode::read::<Capability>(b'V', 0);
const ENUM_FMT: Opcode = opcode::read_write::<FormatDescription>(b'V', 2);
const G_FMT: Opcode = opcode::read_write::<SingleFormat>(b'V', 4);
const S_FMT: Opcode = opcode::read_write::<SingleFormat>(b'V', 5);
const REQBUFS: Opcode = opcode::read_write::<RequestBuffers>(b'V', 8);
const QUERYBUF: Opcode = opcode::read_write::<V4l2Buffer>(b'V', 9);
const G_PARM: Opcode = opcode::read_write::<StreamParameters>(b'V', 21);
const S_PARM: Opcode = opcode::read_write::<StreamParameters>(b'V', 22);
const G_CTRL: Opcode = opcode::read_write::<Control>(b'V', 27);
const TRY_FMT: Opcode = opcode::read_write::<SingleFormat>(b'V', 64);
const ENUM_FRAMESIZES: Opcode = opcode::read_write::<FrameSizeEnum>(b'V', 74);
const ENUM_FRAMEINTERVALS: Opcode = opcode::read_write::<FrameIntervalEnum>(b'V', 75);
const PREPARE_BUF: Opcode = opcode::read_write::<V4l2Buffer>(b'V', 93);
const G_SELECTION: Opcode = opcode::read_write::<Selection>(b'V', 94);
const S_SELECTION: Opcode = opcode::read_write::<Selection>(b'V', 95);

bitflags::bitflags! {
    /// `V4L2_CAP_*`
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Caps: u32 {
        const VIDEO_CAPTURE = 0x0000_0001;
        const VIDEO_OUTPUT = 0x0000_0002;
        const VIDEO_CAPTURE_MPLANE = 0x0000_1000;
        const VIDEO_OUTPUT_MPLANE = 0x0000_2000;
        const VIDEO_M2M_MPLANE = 0x0000_4000;
        const VIDEO_M2M = 0x0000_8000;
        const STREAMING = 0x0400_0000;
        const DEVICE_CAPS = 0x8000_0000;
        const _ = !0;
    }
}

pub(crate) const BUF_TYPE_VIDEO_CAPTURE: u32 = 1;
pub(crate) const BUF_TYPE_VIDEO_OUTPUT: u32 = 2;
pub(crate) const BUF_TYPE_VIDEO_CAPTURE_MPLANE: u32 = 9;
pub(crate) const BUF_TYPE_VIDEO_OUTPUT_MPLANE: u32 = 10;

/// `V4L2_MEMORY_DMABUF`
pub(crate) const MEMORY_DMABUF: u32 = 4;
/// `V4L2_BUF_CAP_SUPPORTS_DMABUF`
pub(crate) const BUF_CAP_SUPPORTS_DMABUF: u32 = 1 << 2;
pub(crate) const FMT_FLAG_COMPRESSED: u32 = 1;
pub(crate) const FMT_FLAG_EMULATED: u32 = 2;
/// `V4L2_PIX_FMT_PRIV_MAGIC`: the fields behind `private` are valid.
pub(crate) const PIX_FMT_PRIV_MAGIC: u32 = 0xfeed_cafe;
pub(crate) const FIELD_NONE: u32 = 1;
pub(crate) const SEL_TGT_CROP: u32 = 0;
pub(crate) const SEL_TGT_COMPOSE: u32 = 0x100;
/// `V4L2_CAP_TIMEPERFRAME`
pub(crate) const CAP_TIMEPERFRAME: u32 = 0x1000;
/// `V4L2_FRMSIZE_TYPE_DISCRETE` and `V4L2_FRMIVAL_TYPE_DISCRETE`
pub(crate) const ENUM_DISCRETE: u32 = 1;
pub(crate) const CID_MIN_BUFFERS_FOR_CAPTURE: u32 = 0x0098_0927;
pub(crate) const CID_MIN_BUFFERS_FOR_OUTPUT: u32 = 0x0098_0928;

/// Issues an ioctl that reads and writes `T` and nothing that `T` points to. Restarted when a signal interrupts it.
///
/// # Safety
///
/// `OPCODE` takes a pointer to what `T` mirrors, and `T` either holds no pointer or only such that the kernel may use.
unsafe fn update<const OPCODE: Opcode, T>(device: BorrowedFd<'_>, value: &mut T) -> Result<()> {
    loop {
        // SAFETY: the caller vouches that the opcode takes a T.
        let request = unsafe { Updater::<OPCODE, T>::new(value) };
        // SAFETY: the opcode only reads and writes the value that `request` borrows, and what the caller vouches for.
        match unsafe { ioctl::ioctl(device, request) } {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

macro_rules! ioctls {
    ($($(#[$doc:meta])* $name:ident($opcode:ident, $type:ty);)+) => {
        $($(#[$doc])*
        pub(crate) fn $name(device: BorrowedFd<'_>, value: &mut $type) -> Result<()> {
            // SAFETY: the type mirrors the struct that the opcode was made from, and holds no pointer.
            unsafe { update::<$opcode, $type>(device, value) }
        })+
    };
}

ioctls! {
    /// Who the device is and what it can.
    query_capabilities(QUERYCAP, Capability);
    /// The format at an index. EINVAL ends the list.
    enumerate_format(ENUM_FMT, FormatDescription);
    /// The current format of a single-planar queue.
    get_single(G_FMT, SingleFormat);
    /// The current format of a multi-planar queue.
    get_multi(G_FMT, MultiFormat);
    /// Changes the format of a single-planar queue.
    set_single(S_FMT, SingleFormat);
    /// Changes the format of a multi-planar queue.
    set_multi(S_FMT, MultiFormat);
    /// What `S_FMT` would answer on a single-planar queue.
    try_single(TRY_FMT, SingleFormat);
    /// What `S_FMT` would answer on a multi-planar queue.
    try_multi(TRY_FMT, MultiFormat);
    /// Makes or frees buffers.
    request_buffers(REQBUFS, RequestBuffers);
    /// The frame interval and what goes with it.
    get_parameters(G_PARM, StreamParameters);
    /// Changes the frame interval.
    set_parameters(S_PARM, StreamParameters);
    /// The value of a control.
    get_control(G_CTRL, Control);
    /// The frame size at an index.
    enumerate_size(ENUM_FRAMESIZES, FrameSizeEnum);
    /// The frame interval at an index.
    enumerate_interval(ENUM_FRAMEINTERVALS, FrameIntervalEnum);
    /// A rectangle: crop or compose.
    get_selection(G_SELECTION, Selection);
    /// Changes a rectangle.
    set_selection(S_SELECTION, Selection);
}

/// Attaches and maps the memory in `planes` to a buffer that REQBUFS made, without queueing it.
///
/// On a multi-planar queue the driver's answer, with its `data_offset`s, is in `planes` afterwards.
pub(crate) fn prepare(
    device: BorrowedFd<'_>,
    buffer_type: u32,
    index: u32,
    planes: &mut [Plane],
) -> Result<()> {
    let mut buffer = V4l2Buffer::new(buffer_type, index);
    buffer.memory_kind = MEMORY_DMABUF;
    buffer.field = FIELD_NONE;
    attach(&mut buffer, planes)?;
    // SAFETY: the type mirrors struct v4l2_buffer; the one pointer that it may hold is to `planes`, with their number
    // beside it, and `planes` is borrowed for longer than the call.
    unsafe { update::<PREPARE_BUF, V4l2Buffer>(device, &mut buffer) }
}

/// Whether the queue has buffers, whoever made them.
pub(crate) fn has_buffers(device: BorrowedFd<'_>, buffer_type: u32) -> bool {
    let mut planes = [Plane::default(); MAX_BUFFER_PLANES];
    let mut buffer = V4l2Buffer::new(buffer_type, 0);
    if is_multiplanar(buffer_type) {
        buffer.memory.planes = planes.as_mut_ptr();
        buffer.length = planes.len().try_into().unwrap_or_default();
    }
    // SAFETY: as in `prepare`: the pointer is to `planes`, which lives through the call, with their number beside it.
    unsafe { update::<QUERYBUF, V4l2Buffer>(device, &mut buffer) }.is_ok()
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
    buffer.memory.fd = unsafe { plane.memory.fd };
    Ok(())
}

pub(crate) const fn is_multiplanar(buffer_type: u32) -> bool {
    matches!(
        buffer_type,
        BUF_TYPE_VIDEO_CAPTURE_MPLANE | BUF_TYPE_VIDEO_OUTPUT_MPLANE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that a C program including the kernel headers prints on 64-bit x86, ARM and RISC-V.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn opcodes_are_those_of_the_kernel_headers() {
        assert_eq!(QUERYCAP, 0x8068_5600);
        assert_eq!(ENUM_FMT, 0xc040_5602);
        assert_eq!(G_FMT, 0xc0d0_5604);
        assert_eq!(S_FMT, 0xc0d0_5605);
        assert_eq!(REQBUFS, 0xc014_5608);
        assert_eq!(QUERYBUF, 0xc058_5609);
        assert_eq!(G_PARM, 0xc0cc_5615);
        assert_eq!(S_PARM, 0xc0cc_5616);
        assert_eq!(G_CTRL, 0xc008_561b);
        assert_eq!(TRY_FMT, 0xc0d0_5640);
        assert_eq!(ENUM_FRAMESIZES, 0xc02c_564a);
        assert_eq!(ENUM_FRAMEINTERVALS, 0xc034_564b);
        assert_eq!(PREPARE_BUF, 0xc058_565d);
        assert_eq!(G_SELECTION, 0xc040_565e);
        assert_eq!(S_SELECTION, 0xc040_565f);
    }

    #[test]
    fn a_single_planar_queue_takes_one_plane() {
        let mut buffer = V4l2Buffer::new(BUF_TYPE_VIDEO_CAPTURE, 0);
        let mut planes = [Plane::default(); 2];
        planes[0].length = 4096;
        assert_eq!(attach(&mut buffer, &mut planes), Err(Errno::INVAL));
        assert_eq!(attach(&mut buffer, &mut planes[..1]), Ok(()));
        assert_eq!(buffer.length, 4096);
    }

    #[test]
    fn a_multi_planar_queue_takes_an_array_and_its_length() {
        let mut buffer = V4l2Buffer::new(BUF_TYPE_VIDEO_OUTPUT_MPLANE, 0);
        let mut planes = [Plane::default(); 3];
        assert_eq!(attach(&mut buffer, &mut planes), Ok(()));
        assert_eq!(buffer.length, 3);
    }
}
