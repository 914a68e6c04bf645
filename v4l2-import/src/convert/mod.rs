//! A mem2mem device that makes one frame of each frame.

mod error;
mod side;
mod transform;

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dmabuf_heap::Frame;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

pub use error::ConvertError;
pub use side::Side;
pub use transform::Transform;

use crate::device::Device;
use crate::format::{Colorimetry, FormatRequest, QueueFormat, V4l2Fourcc};
use crate::queue::{
    BufferQueue, Capture, CaptureQueue, Direction, Finished, FrameQueue, Idle, Output, OutputQueue,
    Payload,
};

/// Both queues of a scaler, colour converter or rotator, running on one open file.
///
/// Frames need not be known beforehand, and each keeps its buffer number as long as there are enough of them (see
/// [`FrameQueue`]). In the steady state a frame costs two `QBUF`, one `poll` and two `DQBUF`; nothing is copied or attached.
#[derive(Debug)]
pub struct Converter {
    output: FrameQueue<Output>,
    capture: FrameQueue<Capture>,
    from: Side,
    to: Side,
}

/// What a device would do, found out without streaming.
#[derive(Clone, Debug)]
pub struct Prospect {
    /// What it would read.
    pub from: QueueFormat,
    /// What it would make. Its colorimetry is what the pixels stand for then.
    pub to: QueueFormat,
}

impl Converter {
    /// Whether the device does this, asked of the driver on queues of their own: open the device anew for it.
    ///
    /// # Errors
    ///
    /// The driver answers with other formats, sizes or rectangles, or has no control for the orientation.
    pub fn prospect(
        device: &Arc<Device>,
        from: &Side,
        to: &Side,
        transform: &Transform,
    ) -> Result<Prospect, ConvertError> {
        let (output, capture) = configure(device, from, to, transform)?;
        Ok(Prospect {
            from: output.format()?,
            to: capture.format()?,
        })
    }

    /// Sets the device up and starts it, with buffer numbers for `frames` frames on each side.
    ///
    /// # Errors
    ///
    /// As [`prospect`](Self::prospect); or the driver does not import, or does not start.
    pub fn start(
        device: &Arc<Device>,
        from: Side,
        to: Side,
        transform: &Transform,
        frames: u32,
    ) -> Result<Self, ConvertError> {
        let (output, capture) = configure(device, &from, &to, transform)?;
        Ok(Self {
            output: output.start_for_any(frames).map_err(|it| *it.error)?,
            capture: capture.start_for_any(frames).map_err(|it| *it.error)?,
            from,
            to,
        })
    }

    /// Whether frames like these two lie as the queues want it; else another converter has to be started for them.
    pub fn fits(&self, from: &Frame, to: &Frame) -> bool {
        self.from.describes(from) && self.to.describes(to)
    }

    /// Makes `to` of `from`, and waits for it so long at most.
    ///
    /// # Errors
    ///
    /// The device refuses the memory of one of them ([`refused_input`](ConvertError::refused_input) tells that of `from`:
    /// nothing else has changed then), is not done in time, failed, or is gone. In all other cases the device may still have
    /// both frames: drop the converter.
    pub fn convert(
        &mut self,
        from: &Frame,
        to: &Frame,
        timestamp: Duration,
        timeout: Duration,
    ) -> Result<Finished, ConvertError> {
        let deadline = Instant::now() + timeout;
        self.output.enqueue(from, &Payload::new(timestamp))?;
        let anything = Payload::new(Duration::ZERO).field(0);
        self.capture.enqueue(to, &anything)?;
        let made = next(&mut self.capture, PollFlags::IN, deadline, timeout)?;
        // Drivers give back what they have read before what they have made of it, so this one is there.
        let read = match self.output.try_dequeue()? {
            Some(read) => read,
            None => next(&mut self.output, PollFlags::OUT, deadline, timeout)?,
        };
        if made.flags.has_error() || read.flags.has_error() {
            let device = self.output.device().info().to_string();
            return Err(ConvertError::Damaged { device });
        }
        Ok(made)
    }

    /// How many frames were attached under a number of their own, on both sides.
    pub const fn attached(&self) -> u64 {
        self.output.attached() + self.capture.attached()
    }

    /// How many frames took the number of another one, which the kernel had to detach, on both sides.
    pub const fn moved(&self) -> u64 {
        self.output.moved() + self.capture.moved()
    }

    /// What the device reads.
    pub const fn input_format(&self) -> &QueueFormat {
        self.output.format()
    }

    /// What the device makes.
    pub const fn output_format(&self) -> &QueueFormat {
        self.capture.format()
    }
}

/// The next frame of a queue, waited for.
fn next<D: Direction>(
    queue: &mut FrameQueue<D>,
    event: PollFlags,
    deadline: Instant,
    timeout: Duration,
) -> Result<Finished, ConvertError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let device = queue.device().info().to_string();
            return Err(ConvertError::Late { device, timeout });
        }
        let left = Timespec::try_from(left)
            .map_err(|error| ConvertError::Wait(io::Error::other(error)))?;
        let mut fds = [PollFd::from_borrowed_fd(queue.as_fd(), event)];
        rustix::io::retry_on_intr(|| poll(&mut fds, Some(&left)))
            .map_err(|errno| ConvertError::Wait(errno.into()))?;
        if fds[0].revents().is_empty() {
            continue;
        }
        if let Some(finished) = queue.try_dequeue()? {
            return Ok(finished);
        }
    }
}

/// Both queues in the formats of the two sides. The output side first: drivers derive the other one from it.
fn configure(
    device: &Arc<Device>,
    from: &Side,
    to: &Side,
    transform: &Transform,
) -> Result<(OutputQueue<Idle>, CaptureQueue<Idle>), ConvertError> {
    let mut output = OutputQueue::new(device)?;
    let mut capture = CaptureQueue::new(device)?;
    set_side(&mut output, from, Some(transform.colorimetry))?;
    transform.apply(device)?;
    set_side(&mut capture, to, None)?;
    Ok((output, capture))
}

/// Sets the format of one side, by each code that has its pixels.
fn set_side<D: Direction>(
    queue: &mut BufferQueue<D, Idle>,
    side: &Side,
    colorimetry: Option<Colorimetry>,
) -> Result<QueueFormat, ConvertError> {
    let mut nearest = None;
    for code in V4l2Fourcc::of(side.fourcc()).filter(|&code| side.may_be(code)) {
        let mut request = FormatRequest::new(code, side.size()).strides(side.strides(code));
        if let Some(colorimetry) = colorimetry {
            request = request.colorimetry(colorimetry);
        }
        let got = queue.set_format(&request)?;
        if side.is(&got) {
            return Ok(got);
        }
        nearest.get_or_insert(got);
    }
    Err(ConvertError::Format {
        device: queue.device().info().to_string(),
        queue: D::QUEUE,
        wanted: side.to_string(),
        nearest: nearest.map_or_else(|| "V4L2 has none such".to_owned(), |it| it.to_string()),
    })
}
