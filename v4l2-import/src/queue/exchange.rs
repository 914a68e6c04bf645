//! Buffers to the device and back.

use std::ffi::c_long;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;

use super::BufferQueue;
use super::buffer::Buffer;
use super::dequeued::{Dequeued, Done};
use super::direction::{Capture, Direction, Output};
use super::error::{Failed, QueueError};
use super::import::describe;
use super::payload::Payload;
use super::state::{Filled, Streaming};
use crate::uapi::{self, Plane, V4l2Buffer};

impl<S: Filled> BufferQueue<Capture, S> {
    /// Gives a buffer to the device to be filled.
    ///
    /// # Errors
    ///
    /// The device refuses its memory, failed (EIO), or is gone; or the buffer is one of another queue or of an earlier
    /// allocation. It is given back.
    pub fn enqueue(&self, buffer: Buffer<Capture>) -> Result<(), Failed<Buffer<Capture>>> {
        self.give(buffer, &Payload::new(Duration::ZERO).field(0))
    }
}

impl<S: Filled> BufferQueue<Output, S> {
    /// Gives a buffer to the device to be read.
    ///
    /// # Errors
    ///
    /// As on a capture queue; also when more bytes are said to be used than the buffer has.
    pub fn enqueue(
        &self,
        buffer: Buffer<Output>,
        payload: &Payload,
    ) -> Result<(), Failed<Buffer<Output>>> {
        self.give(buffer, payload)
    }
}

impl<D: Direction, S: Filled> BufferQueue<D, S> {
    fn give(&self, buffer: Buffer<D>, payload: &Payload) -> Result<(), Failed<Buffer<D>>> {
        let table = self.state.set().table();
        if !Arc::ptr_eq(table, buffer.table()) {
            let error = self
                .error("VIDIOC_QBUF")
                .buffer(buffer.index())
                .detail("it is a buffer of another queue, or of one that was released")
                .remedy("give each queue its own buffers");
            return Err(Failed::new(error, buffer));
        }
        let entry = buffer.entry();
        let (mut planes, count) = table.planes(entry);
        let planes = &mut planes[..count];
        if let Some(bytes_used) = payload.bytes_used {
            for (plane, used) in planes.iter_mut().zip(bytes_used) {
                plane.bytesused = used;
            }
        }
        let mut raw = V4l2Buffer::new(self.buffer_type(), buffer.index());
        raw.memory_kind = table.memory();
        raw.field = payload.field;
        raw.timestamp = timeval(payload.timestamp);
        // Before the call: when it returns, another thread may have dequeued the buffer already.
        entry.set_queued(true);
        match uapi::queue(self.as_fd(), &mut raw, planes) {
            Ok(()) => Ok(()),
            Err(errno) => {
                entry.set_queued(false);
                let error = self
                    .error("VIDIOC_QBUF")
                    .buffer(buffer.index())
                    .detail(describe(planes, D::QUEUE))
                    .errno(errno);
                Err(Failed::new(error, buffer))
            }
        }
    }
}

impl<D: Direction> BufferQueue<D, Streaming> {
    /// The next buffer that the device is done with, if there is one. Does not wait: poll the file.
    ///
    /// # Errors
    ///
    /// The device failed (EIO), or is gone. A damaged picture is no error: its [flags](Done::flags) say so.
    pub fn try_dequeue(&self) -> Result<Dequeued<D>, QueueError> {
        let table = self.state.set.table();
        let count = table.entry(0).map_or(1, |entry| entry.planes.len());
        let mut planes = [Plane::default(); uapi::MAX_BUFFER_PLANES];
        let planes = &mut planes[..count.min(uapi::MAX_BUFFER_PLANES)];
        let mut raw = V4l2Buffer::new(self.buffer_type(), 0);
        raw.memory_kind = table.memory();
        match uapi::dequeue(self.as_fd(), &mut raw, planes) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Ok(Dequeued::NotYet),
            Err(Errno::PIPE) => return Ok(Dequeued::Drained),
            Err(errno) => return Err(self.error("VIDIOC_DQBUF").errno(errno)),
        }
        let Some(entry) = table.entry(raw.index) else {
            return Err(self
                .error("VIDIOC_DQBUF")
                .buffer(raw.index)
                .detail(format_args!("the driver gave a buffer of {}", self.len())));
        };
        entry.set_queued(false);
        let buffer = Buffer::new(table.clone(), raw.index);
        Ok(Dequeued::Done(Done::new(buffer, &raw, planes)))
    }
}

/// `struct timeval`; what it cannot hold becomes its largest.
pub(super) fn timeval(time: Duration) -> [c_long; 2] {
    let long = |number: u64| c_long::try_from(number).unwrap_or(c_long::MAX);
    [long(time.as_secs()), long(time.subsec_micros().into())]
}

/// The other way round; what lies before the start of the clock becomes its start.
pub(super) fn duration([seconds, microseconds]: [c_long; 2]) -> Duration {
    let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    seconds + Duration::from_micros(u64::try_from(microseconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_and_microseconds() {
        let time = Duration::from_micros(12_000_345);
        assert_eq!(timeval(time), [12, 345]);
        assert_eq!(duration(timeval(time)), time);
        assert_eq!(timeval(Duration::MAX)[0], c_long::MAX);
    }
}
