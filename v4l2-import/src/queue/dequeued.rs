use std::time::Duration;

use super::buffer::Buffer;
use super::exchange::duration;
use crate::uapi::{self, Plane, V4l2Buffer};

/// What a queue has to give.
#[derive(Debug)]
#[must_use = "a buffer that is dropped is out of the round"]
pub enum Dequeued<D> {
    /// A buffer that the device is done with.
    Done(Done<D>),
    /// The device is not done with any; poll the file.
    NotYet,
    /// A drained codec gave its last frame before (EPIPE).
    Drained,
}

impl<D> Dequeued<D> {
    /// The buffer, where there is one.
    pub fn done(self) -> Option<Done<D>> {
        match self {
            Self::Done(done) => Some(done),
            Self::NotYet | Self::Drained => None,
        }
    }
}

/// A buffer that the device is done with, and what its driver says of it (`struct v4l2_buffer`).
#[derive(Debug)]
#[must_use = "a buffer that is dropped is out of the round"]
pub struct Done<D> {
    /// The buffer.
    pub buffer: Buffer<D>,
    /// When, on the clock that [`BufferFlags::clock`] tells.
    pub timestamp: Duration,
    /// Counts pictures from the start of the queue; lost ones leave gaps. On interlaced pictures it may count fields.
    pub sequence: u32,
    /// `enum v4l2_field`: which rows are in it.
    pub field: u32,
    /// What else there is to say.
    pub flags: BufferFlags,
    planes: [PlanePayload; uapi::MAX_BUFFER_PLANES],
    count: usize,
}

/// Where the bytes of a picture lie in a plane of a buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanePayload {
    /// Bytes from the start of the memory to their end. Compressed pictures are of any length.
    pub bytes_used: u32,
    /// Bytes from the start of the memory to where they begin.
    pub data_offset: u32,
}

impl<D> Done<D> {
    pub(super) fn new(buffer: Buffer<D>, raw: &V4l2Buffer, planes: &[Plane]) -> Self {
        let mut payloads = [PlanePayload::default(); uapi::MAX_BUFFER_PLANES];
        for (payload, plane) in payloads.iter_mut().zip(planes) {
            *payload = PlanePayload {
                bytes_used: plane.bytesused,
                data_offset: plane.data_offset,
            };
        }
        Self {
            buffer,
            timestamp: duration(raw.timestamp),
            sequence: raw.sequence,
            field: raw.field,
            flags: BufferFlags(raw.flags),
            planes: payloads,
            count: planes.len(),
        }
    }

    /// One for each plane of the buffer.
    pub fn planes(&self) -> &[PlanePayload] {
        &self.planes[..self.count]
    }
}

/// `V4L2_BUF_FLAG_*` of a buffer that the device is done with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct BufferFlags(pub(super) u32);

impl BufferFlags {
    /// `V4L2_BUF_FLAG_ERROR`: the picture is damaged; the queue goes on.
    pub const fn has_error(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// `V4L2_BUF_FLAG_LAST`: the last one of a drained codec, or before its format changes. It may be empty.
    pub const fn is_last(self) -> bool {
        self.0 & 0x0010_0000 != 0
    }

    /// `V4L2_BUF_FLAG_KEYFRAME`: a compressed picture that needs no other.
    pub const fn is_keyframe(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// Which clock the timestamp is of.
    pub const fn clock(self) -> Clock {
        match self.0 & 0xe000 {
            0x2000 => Clock::Monotonic,
            0x4000 => Clock::Copied,
            _ => Clock::Unknown,
        }
    }

    /// Whether the timestamp is of the start of the exposure, and not of the end of the frame.
    pub const fn is_start_of_exposure(self) -> bool {
        self.0 & 0x0007_0000 == 0x0001_0000
    }

    /// All bits.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// What a timestamp counts from (`V4L2_BUF_FLAG_TIMESTAMP_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clock {
    /// The driver does not say.
    Unknown,
    /// `CLOCK_MONOTONIC`.
    Monotonic,
    /// The one that the frame had on the output queue.
    Copied,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_the_bits_of_the_kernel() {
        let flags = BufferFlags(0x0011_2048);
        assert!(flags.has_error() && flags.is_keyframe() && flags.is_last());
        assert_eq!(flags.clock(), Clock::Monotonic);
        assert!(flags.is_start_of_exposure());
        let none = BufferFlags(0x4000);
        assert!(!none.has_error() && !none.is_keyframe() && !none.is_last());
        assert_eq!(none.clock(), Clock::Copied);
        assert!(!none.is_start_of_exposure());
    }
}
