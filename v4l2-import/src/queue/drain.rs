use std::os::fd::AsFd;

use rustix::io::{Errno, Result};

use super::BufferQueue;
use super::direction::Output;
use super::error::QueueError;
use super::state::Streaming;
use crate::uapi;

/// How a mem2mem device tells that it has worked off what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Drain {
    /// A decoder: the [last](super::BufferFlags::is_last) capture buffer says so, and the queue is
    /// [`Drained`](super::Dequeued::Drained) behind it.
    Decoder,
    /// An encoder: the same.
    Encoder,
    /// It has no such command, as converters: it is done when every output buffer is back, and as many capture buffers.
    Counted,
}

impl Drain {
    fn command(self, device: std::os::fd::BorrowedFd<'_>, command: u32) -> Result<()> {
        match self {
            Self::Decoder => uapi::decoder_command(device, command),
            Self::Encoder => uapi::encoder_command(device, command),
            Self::Counted => Ok(()),
        }
    }
}

impl BufferQueue<Output, Streaming> {
    /// Tells the device that no more frames come for now: it is to finish those it has. Both queues go on running.
    ///
    /// # Errors
    ///
    /// The device failed, drains already (EBUSY), or is gone.
    pub fn begin_drain(&self) -> std::result::Result<Drain, QueueError> {
        for (drain, operation) in [
            (Drain::Decoder, "VIDIOC_DECODER_CMD"),
            (Drain::Encoder, "VIDIOC_ENCODER_CMD"),
        ] {
            match drain.command(self.as_fd(), uapi::STOP) {
                Ok(()) => return Ok(drain),
                Err(Errno::NOTTY) => {}
                Err(errno) => {
                    let error = self
                        .error(operation)
                        .detail("V4L2_DEC_CMD_STOP, V4L2_ENC_CMD_STOP");
                    return Err(error.errno(errno));
                }
            }
        }
        Ok(Drain::Counted)
    }

    /// Tells the device that frames come again, after its drain has ended.
    ///
    /// Some drivers (vicodec, up to Linux 7.3 at least) leave the capture queue [`Drained`](super::Dequeued::Drained) all the same.
    /// To [stop](Self::stop) and start that one works with all of them.
    ///
    /// # Errors
    ///
    /// The device still drains (EBUSY), failed, or is gone.
    pub fn end_drain(&self, drain: Drain) -> std::result::Result<(), QueueError> {
        let operation = match drain {
            Drain::Encoder => "VIDIOC_ENCODER_CMD",
            Drain::Decoder | Drain::Counted => "VIDIOC_DECODER_CMD",
        };
        drain
            .command(self.as_fd(), uapi::START)
            .map_err(|errno| self.error(operation).detail("start").errno(errno))
    }
}
