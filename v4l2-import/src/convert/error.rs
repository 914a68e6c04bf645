use std::io;
use std::time::Duration;

use crate::device::{DeviceError, Queue, Rectangle};
use crate::queue::QueueError;

/// Why a mem2mem device does not make what is wanted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// A queue refused something, or failed.
    #[error(transparent)]
    Queue(Box<QueueError>),
    /// A setting was refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The driver has another format.
    #[error("{device}, {queue}: it was asked for {wanted}, the nearest it has is {nearest}")]
    Format {
        /// As in `mem2mem vim2m (/dev/video1)`.
        device: String,
        /// Which of its queues.
        queue: Queue,
        /// What was asked for.
        wanted: String,
        /// What it answered.
        nearest: String,
    },
    /// The driver takes other parts of pictures only.
    #[error("{device}: it was asked for the part {wanted}, the nearest it takes is {nearest}")]
    Crop {
        /// As in `mem2mem vim2m (/dev/video1)`.
        device: String,
        /// What was asked for.
        wanted: Rectangle,
        /// What it answered.
        nearest: Rectangle,
    },
    /// The device does not turn or flip.
    #[error("{device} has no control {control}, which would have to be {value}")]
    NoControl {
        /// As in `mem2mem vim2m (/dev/video1)`.
        device: String,
        /// As `v4l2-ctl` spells it.
        control: String,
        /// What it would be set to.
        value: i64,
    },
    /// It takes too long.
    #[error(
        "{device} was not done with a frame after {timeout:?}; its driver hangs, or is starved by other programs"
    )]
    Late {
        /// As in `mem2mem vim2m (/dev/video1)`.
        device: String,
        /// How long it was given.
        timeout: Duration,
    },
    /// The driver says that what it made is no picture.
    #[error("{device} made a damaged picture (V4L2_BUF_FLAG_ERROR)")]
    Damaged {
        /// As in `mem2mem vim2m (/dev/video1)`.
        device: String,
    },
    /// `poll` failed.
    #[error("waiting for the device failed")]
    Wait(#[source] io::Error),
}

impl ConvertError {
    /// Whether only the frame that went in was refused, so that another one may be taken.
    pub fn refused_input(&self) -> bool {
        matches!(self, Self::Queue(error) if error.operation == "VIDIOC_QBUF"
            && error.queue == Queue::Output && !error.is_gone())
    }
}

impl From<QueueError> for ConvertError {
    fn from(error: QueueError) -> Self {
        Self::Queue(Box::new(error))
    }
}
