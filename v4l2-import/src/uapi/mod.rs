//! The kernel interface of this crate: opcodes, flags and the only ioctls.
//!
//! Everything here mirrors `include/uapi/linux/videodev2.h`.
#![expect(
    unsafe_code,
    reason = "ioctls take untyped pointers; each is wrapped once, here, in a safe function"
)]

mod buffer;
mod codec;
mod control;
mod event;
mod media;
mod structs;

use std::os::fd::BorrowedFd;

use rustix::io::{Errno, Result};
use rustix::ioctl::{self, Opcode, Updater, opcode};

pub(crate) use buffer::{
    MAX_BUFFER_PLANES, MEMORY_DMABUF, MEMORY_MMAP, Plane, PlaneMemory, V4l2Buffer, dequeue, export,
    has_buffers, prepare, query, queue,
};
pub(crate) use codec::{START, STOP, decoder_command, encoder_command};
pub(crate) use control::{
    QueryControl, QueryMenu, control_text, control_value, query_control, query_menu,
    set_control_text, set_control_value,
};
pub(crate) use event::{Event, EventSubscription, dequeue_event, subscribe, unsubscribe};
pub(crate) use media::{
    ENABLED as LINK_ENABLED, INTERFACE_LINK, Interface, LINK_TYPE, Link, Topology, topology,
};
pub(crate) use structs::{
    Capability, Control, CreateBuffers, CropCapability, FormatDescription, FrameIntervalEnum,
    FrameSizeEnum, MultiFormat, PixFormat, PixFormatMplane, RawTimings, RequestBuffers, Selection,
    SingleFormat, StreamParameters,
};

#[cfg(test)]
pub(crate) use media::{Entity, Pad};

const QUERYCAP: Opcode = opcode::read::<Capability>(b'V', 0);
const ENUM_FMT: Opcode = opcode::read_write::<FormatDescription>(b'V', 2);
const G_FMT: Opcode = opcode::read_write::<SingleFormat>(b'V', 4);
const S_FMT: Opcode = opcode::read_write::<SingleFormat>(b'V', 5);
const REQBUFS: Opcode = opcode::read_write::<RequestBuffers>(b'V', 8);
const STREAMON: Opcode = opcode::write::<u32>(b'V', 18);
const STREAMOFF: Opcode = opcode::write::<u32>(b'V', 19);
const G_PARM: Opcode = opcode::read_write::<StreamParameters>(b'V', 21);
const S_PARM: Opcode = opcode::read_write::<StreamParameters>(b'V', 22);
const G_CTRL: Opcode = opcode::read_write::<Control>(b'V', 27);
const CROPCAP: Opcode = opcode::read_write::<CropCapability>(b'V', 58);
const TRY_FMT: Opcode = opcode::read_write::<SingleFormat>(b'V', 64);
const ENUM_FRAMESIZES: Opcode = opcode::read_write::<FrameSizeEnum>(b'V', 74);
const ENUM_FRAMEINTERVALS: Opcode = opcode::read_write::<FrameIntervalEnum>(b'V', 75);
const S_DV_TIMINGS: Opcode = opcode::read_write::<RawTimings>(b'V', 87);
const G_DV_TIMINGS: Opcode = opcode::read_write::<RawTimings>(b'V', 88);
const QUERY_DV_TIMINGS: Opcode = opcode::read::<RawTimings>(b'V', 99);
const CREATE_BUFS: Opcode = opcode::read_write::<CreateBuffers<SingleFormat>>(b'V', 92);
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

/// `V4L2_BUF_CAP_SUPPORTS_DMABUF`
pub(crate) const BUF_CAP_SUPPORTS_DMABUF: u32 = 1 << 2;
/// `V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS`
pub(crate) const BUF_CAP_SUPPORTS_ORPHANED_BUFS: u32 = 1 << 4;
pub(crate) const FMT_FLAG_COMPRESSED: u32 = 1;
pub(crate) const FMT_FLAG_EMULATED: u32 = 2;
/// `V4L2_FMT_FLAG_CSC_*`: colour space, transfer function, encoding, quantization.
pub(crate) const FMT_FLAGS_CSC: u32 = 0x1e0;
/// `V4L2_PIX_FMT_PRIV_MAGIC`: the fields behind `private` are valid.
pub(crate) const PIX_FMT_PRIV_MAGIC: u32 = 0xfeed_cafe;
/// `V4L2_PIX_FMT_FLAG_SET_CSC`: the colorimetry of a capture format is a wish.
pub(crate) const PIX_FMT_FLAG_SET_CSC: u32 = 2;
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
    /// Makes buffers for a format other than the current one, on a single-planar queue.
    create_single(CREATE_BUFS, CreateBuffers<SingleFormat>);
    /// Makes buffers for a format other than the current one, on a multi-planar queue.
    create_multi(CREATE_BUFS, CreateBuffers<MultiFormat>);
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
    /// What the source of a digital input sends.
    query_timings(QUERY_DV_TIMINGS, RawTimings);
    /// What a digital input is set to.
    get_timings(G_DV_TIMINGS, RawTimings);
    /// Sets a digital input.
    set_timings(S_DV_TIMINGS, RawTimings);
    /// What can be cropped, and the shape of a pixel.
    get_crop_capability(CROPCAP, CropCapability);
    /// A rectangle: crop or compose.
    get_selection(G_SELECTION, Selection);
    /// Changes a rectangle.
    set_selection(S_SELECTION, Selection);
}

/// Starts a queue.
pub(crate) fn stream_on(device: BorrowedFd<'_>, mut buffer_type: u32) -> Result<()> {
    // SAFETY: the opcode takes a pointer to an int, read only.
    unsafe { update::<STREAMON, u32>(device, &mut buffer_type) }
}

/// Stops a queue and takes all its buffers back.
pub(crate) fn stream_off(device: BorrowedFd<'_>, mut buffer_type: u32) -> Result<()> {
    // SAFETY: the opcode takes a pointer to an int, read only.
    unsafe { update::<STREAMOFF, u32>(device, &mut buffer_type) }
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
        assert_eq!(STREAMON, 0x4004_5612);
        assert_eq!(STREAMOFF, 0x4004_5613);
        assert_eq!(G_PARM, 0xc0cc_5615);
        assert_eq!(S_PARM, 0xc0cc_5616);
        assert_eq!(G_CTRL, 0xc008_561b);
        assert_eq!(CROPCAP, 0xc02c_563a);
        assert_eq!(TRY_FMT, 0xc0d0_5640);
        assert_eq!(ENUM_FRAMESIZES, 0xc02c_564a);
        assert_eq!(ENUM_FRAMEINTERVALS, 0xc034_564b);
        assert_eq!(CREATE_BUFS, 0xc100_565c);
        assert_eq!(S_DV_TIMINGS, 0xc084_5657);
        assert_eq!(G_DV_TIMINGS, 0xc084_5658);
        assert_eq!(QUERY_DV_TIMINGS, 0x8084_5663);
        assert_eq!(G_SELECTION, 0xc040_565e);
        assert_eq!(S_SELECTION, 0xc040_565f);
    }
}
