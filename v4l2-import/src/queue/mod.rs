//! Queues whose order of use is in their types.

mod buffer;
mod dequeued;
mod direction;
mod drain;
mod driver_memory;
mod error;
mod exchange;
mod frames;
mod import;
mod payload;
mod ready;
mod run;
mod set;
mod slots;
mod start;
mod state;

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use dmabuf_heap::Frame;
use rustix::fs::OFlags;
use rustix::io::Errno;

pub use buffer::Buffer;
pub use dequeued::{BufferFlags, Clock, Dequeued, Done, PlanePayload};
pub use direction::{Capture, Direction, Output};
pub use drain::Drain;
pub use error::{Failed, QueueError};
pub use frames::{Finished, FrameQueue};
pub use import::WithBuffers;
pub use payload::Payload;
pub use ready::Ready;
pub use state::{Allocated, Filled, Idle, State, Streaming};

use crate::device::{Claim, Device, DeviceError, DeviceInfo};
use crate::format::{FormatRequest, QueueFormat};
use crate::uapi;
use run::Run;

/// One queue of an open device, in the direction `D` and the state `S`.
///
/// A step to another state takes the queue, and gives it back when it fails. So the wrong order does not compile:
///
/// ```compile_fail,E0599
/// # use v4l2_import::{Capture, BufferQueue, Idle};
/// fn no_start_without_buffers(queue: BufferQueue<Capture, Idle>) {
///     let _ = queue.start();
/// }
/// ```
/// ```compile_fail,E0599
/// # use v4l2_import::{Capture, BufferQueue, Streaming, FormatRequest};
/// fn no_other_format_while_there_are_buffers(
///     mut queue: BufferQueue<Capture, Streaming>,
///     request: &FormatRequest,
/// ) {
///     let _ = queue.set_format(request);
/// }
/// ```
/// ```compile_fail,E0599
/// # use v4l2_import::{Capture, BufferQueue, Allocated};
/// fn no_frames_before_the_start(queue: BufferQueue<Capture, Allocated>) {
///     let _ = queue.try_dequeue();
/// }
/// ```
/// ```compile_fail,E0382
/// # use v4l2_import::{Buffer, Capture, BufferQueue, Streaming};
/// fn no_buffer_twice(queue: &BufferQueue<Capture, Streaming>, buffer: Buffer<Capture>) {
///     let _ = queue.enqueue(buffer);
///     let _ = queue.enqueue(buffer);
/// }
/// ```
/// ```compile_fail,E0308
/// # use v4l2_import::{Buffer, Capture, BufferQueue, Output, Streaming};
/// fn no_buffer_of_the_other_side(queue: &BufferQueue<Capture, Streaming>, buffer: Buffer<Output>) {
///     let _ = queue.enqueue(buffer);
/// }
/// ```
/// ```compile_fail,E0382
/// # use v4l2_import::{Capture, BufferQueue, Streaming};
/// fn nothing_of_a_queue_that_was_stopped(queue: BufferQueue<Capture, Streaming>) {
///     let _ = queue.stop();
///     let _ = queue.try_dequeue();
/// }
/// ```
///
/// The file is [`AsFd`]: poll it for `POLLIN` (capture), `POLLOUT` (output) and `POLLPRI` (events), with whatever the program polls
/// with; nothing here waits but [`wait`](Self::wait), and there is no thread. All that a running queue does needs it shared only,
/// so that one thread may give buffers back while another takes frames. Dropped, a queue stops and its buffers are freed.
pub struct BufferQueue<D, S> {
    // In this order: buffers are freed before somebody else may claim the queue.
    state: S,
    claim: Claim,
    direction: PhantomData<fn() -> D>,
}

/// The queue of a camera, or of what a mem2mem device makes.
pub type CaptureQueue<S> = BufferQueue<Capture, S>;
/// The queue of what a mem2mem device works on, or of a video output.
pub type OutputQueue<S> = BufferQueue<Output, S>;

impl<D: Direction> BufferQueue<D, Idle> {
    /// Takes a queue of a device. A mem2mem device has one in each direction, on the same open file.
    ///
    /// Sets `O_NONBLOCK`, which duplicates of the file share.
    ///
    /// # Errors
    ///
    /// The device has no such queue, or no buffers at all; or somebody has the queue: another `BufferQueue` of this device, or
    /// whoever made the buffers that it has. REQBUFS through a duplicate of that one's file would free them.
    pub fn new(device: &Arc<Device>) -> Result<Self, QueueError> {
        let queue = D::QUEUE;
        let info = device.info();
        let error = |operation| QueueError::new(device, queue, operation);
        if !info.queues().contains(&queue) || !info.is_streaming {
            return Err(error("VIDIOC_QUERYCAP")
                .detail(what_it_has(info))
                .remedy("name another node"));
        }
        let claim = Claim::new(device, queue).ok_or_else(|| {
            error("VIDIOC_REQBUFS")
                .detail("this open device has a queue in that direction already")
                .remedy("use that one, or open the device again")
        })?;
        if uapi::has_buffers(device.as_fd(), info.buffer_type(queue)) {
            return Err(error("VIDIOC_QUERYBUF")
                .detail("the queue has buffers: somebody streams, or made them through a duplicate of this file")
                .remedy(format!("end the program that uses {}", info.path.display())));
        }
        set_nonblocking(device).map_err(|errno| error("fcntl").errno(errno))?;
        Ok(Self::with(claim, Idle(())))
    }

    /// Changes the format, and returns what it became: the nearest that the driver has.
    ///
    /// On a mem2mem device, set the format of the output queue first: the driver may derive the other one from it.
    ///
    /// # Errors
    ///
    /// The driver refuses it, or somebody else has the queue (EBUSY).
    pub fn set_format(&mut self, request: &FormatRequest) -> Result<QueueFormat, DeviceError> {
        let raw = request.raw(self.buffer_type());
        let answer = self.device().set_raw(D::QUEUE, raw)?;
        Ok((&answer).into())
    }
}

impl<D: Direction, S> BufferQueue<D, S> {
    const fn with(claim: Claim, state: S) -> Self {
        Self {
            state,
            claim,
            direction: PhantomData,
        }
    }

    /// The device that it is a queue of.
    pub const fn device(&self) -> &Arc<Device> {
        self.claim.device()
    }

    /// The format of the queue.
    ///
    /// # Errors
    ///
    /// It has none yet: a grabber without a signal, a decoder before its first header.
    pub fn format(&self) -> Result<QueueFormat, DeviceError> {
        self.device().format(D::QUEUE)
    }

    fn buffer_type(&self) -> u32 {
        self.device().info().buffer_type(D::QUEUE)
    }

    fn error(&self, operation: &'static str) -> QueueError {
        QueueError::new(self.device(), D::QUEUE, operation)
    }
}

impl<D: Direction> BufferQueue<D, Allocated> {
    /// Starts the queue. It may have been given buffers before.
    ///
    /// # Errors
    ///
    /// The device does not start. A camera that is the end of a chain of sub-devices wants that set up first (EPIPE, ENOLINK): the
    /// error names what it is connected to, and what sets it up. A virtual camera wants a program that writes to it (EIO), and a
    /// camera on USB bandwidth (ENOSPC).
    pub fn start(self) -> Result<BufferQueue<D, Streaming>, Failed<Self>> {
        match Run::start(self.device(), D::QUEUE) {
            Ok(run) => {
                let Self { state, claim, .. } = self;
                let set = state.set;
                Ok(BufferQueue::with(claim, Streaming { run, set }))
            }
            Err(errno) => Err(Failed::new(self.start_error(errno), self)),
        }
    }

    fn start_error(&self, errno: Errno) -> QueueError {
        let queued = self.queued();
        let error = self
            .error("VIDIOC_STREAMON")
            .detail(format_args!("with {queued} buffers queued"));
        let remedy = start::remedy(self.device(), errno);
        error.remedy(remedy).errno(errno)
    }

    /// Frees the buffers. Those that the program still holds are of no use afterwards.
    ///
    /// # Errors
    ///
    /// The kernel keeps them: a kernel before 4.20, as long as somebody uses or maps memory that the device exported.
    pub fn release(mut self) -> Result<BufferQueue<D, Idle>, Failed<Self>> {
        if let Err(errno) = self.state.set.free() {
            let error = self.error("VIDIOC_REQBUFS").detail("freeing all buffers");
            return Err(Failed::new(error.errno(errno), self));
        }
        let Self { state, claim, .. } = self;
        drop(state);
        Ok(BufferQueue::with(claim, Idle(())))
    }
}

impl<D: Direction> BufferQueue<D, Streaming> {
    /// Stops the queue. Returns it with the buffers that the device had; with those that the program holds they are all.
    ///
    /// # Errors
    ///
    /// The device does not stop. One that is gone has stopped.
    pub fn stop(mut self) -> Result<WithBuffers<D>, Failed<Self>> {
        if let Err(errno) = self.state.run.stop() {
            let error = self.error("VIDIOC_STREAMOFF").errno(errno);
            return Err(Failed::new(error, self));
        }
        let Self { state, claim, .. } = self;
        let Streaming { run, set } = state;
        drop(run);
        let mut buffers = Vec::new();
        for (index, entry) in set.table().indexed() {
            if entry.is_queued() {
                entry.set_queued(false);
                buffers.push(Buffer::new(set.table().clone(), index));
            }
        }
        Ok((BufferQueue::with(claim, Allocated { set }), buffers))
    }
}

impl<D: Direction, S: Filled> BufferQueue<D, S> {
    /// The frames under the buffers, in the order of their numbers; empty where the format has no pixels.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        let entries = self.state.set().table().entries().iter();
        entries.filter_map(|entry| entry.frame.as_ref())
    }

    /// How many buffers there are.
    pub fn len(&self) -> usize {
        self.state.set().table().entries().len()
    }

    /// Whether there are none, which never is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many buffers the device has.
    pub fn queued(&self) -> usize {
        let entries = self.state.set().table().entries().iter();
        entries.filter(|entry| entry.is_queued()).count()
    }
}

impl<D, S> AsFd for BufferQueue<D, S> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.claim.device().as_fd()
    }
}

impl<D: Direction, S: fmt::Debug> fmt::Debug for BufferQueue<D, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferQueue")
            .field("device", &self.device().info().path)
            .field("queue", &D::QUEUE)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// As in `it has capture queue, and only read() or write()`.
fn what_it_has(info: &DeviceInfo) -> String {
    let queues: Vec<_> = info.queues().iter().map(ToString::to_string).collect();
    let has = if queues.is_empty() {
        "no queue of video frames".to_owned()
    } else {
        queues.join(" and ")
    };
    let how = if info.is_streaming {
        ""
    } else {
        ", and only read() or write()"
    };
    format!("it has {has}{how}")
}

fn set_nonblocking(device: &Device) -> Result<(), Errno> {
    let flags = rustix::fs::fcntl_getfl(device)?;
    if flags.contains(OFlags::NONBLOCK) {
        return Ok(());
    }
    rustix::fs::fcntl_setfl(device, flags | OFlags::NONBLOCK)
}
