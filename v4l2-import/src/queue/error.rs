use std::error::Error;
use std::fmt;
use std::io;

use rustix::io::Errno;

use crate::device::{Device, Queue};

/// What a queue refused, or failed at.
#[derive(Debug)]
pub struct QueueError {
    /// As in `camera vivid (/dev/video0)`.
    pub device: String,
    /// Which of its queues.
    pub queue: Queue,
    /// The number of the buffer, where it is about one.
    pub buffer: Option<u32>,
    /// The ioctl that failed, or that would have.
    pub operation: &'static str,
    /// What was tried and with which numbers, as `plane 0 of 345600 bytes`; may be empty.
    pub detail: String,
    /// What the kernel said, where it was asked.
    pub errno: Option<io::Error>,
    /// What the user can do; may be empty.
    pub remedy: String,
}

impl QueueError {
    pub(super) fn new(device: &Device, queue: Queue, operation: &'static str) -> Self {
        Self {
            device: device.info().to_string(),
            queue,
            buffer: None,
            operation,
            detail: String::new(),
            errno: None,
            remedy: String::new(),
        }
    }

    pub(super) fn buffer(mut self, index: u32) -> Self {
        self.buffer = Some(index);
        self
    }

    pub(super) fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = detail.to_string();
        self
    }

    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// With what an errno usually means there.
    pub(super) fn errno(mut self, errno: Errno) -> Self {
        if self.remedy.is_empty() {
            remedy(self.operation, errno).clone_into(&mut self.remedy);
        }
        self.errno = Some(errno.into());
        self
    }

    /// Whether the device was unplugged, or its driver unbound.
    pub fn is_gone(&self) -> bool {
        let errno = self.errno.as_ref().and_then(Errno::from_io_error);
        matches!(errno, Some(Errno::NODEV | Errno::NXIO))
    }
}

fn remedy(operation: &str, errno: Errno) -> &'static str {
    match (operation, errno) {
        (_, Errno::NODEV | Errno::NXIO) => {
            "the device was unplugged or its driver unbound; open it again when it is back"
        }
        (_, Errno::BUSY) => "another program or file uses this queue; end it, or close that file",
        ("VIDIOC_PREPARE_BUF" | "VIDIOC_QBUF", Errno::FAULT) => {
            "the device wants contiguous memory: take a CMA heap, or memory that the device exports"
        }
        ("VIDIOC_PREPARE_BUF" | "VIDIOC_QBUF", Errno::INVAL) => {
            "the device does not reach the memory, or a plane is too short for the format or for what is used of it"
        }
        ("VIDIOC_REQBUFS", Errno::INVAL) => {
            "the driver has no such kind of buffers; try to import, to export or to map instead"
        }
        ("VIDIOC_EXPBUF", Errno::NOTTY | Errno::INVAL) => {
            "the driver does not export its buffers; import frames or map instead"
        }
        (_, Errno::NOMEM) => "free memory, or use fewer or smaller buffers",
        ("VIDIOC_DQBUF" | "VIDIOC_QBUF", Errno::IO) => {
            "the device failed; stop the queue, release its buffers and start anew"
        }
        ("VIDIOC_STREAMON", Errno::INVAL) => "queue more buffers first, or set a format",
        _ => "",
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.device, self.queue)?;
        if let Some(index) = self.buffer {
            write!(f, ", buffer {index}")?;
        }
        write!(f, ": {}", self.operation)?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        if let Some(errno) = &self.errno {
            write!(f, ": {errno}")?;
        }
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

impl Error for QueueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let errno = self.errno.as_ref()?;
        Some(errno)
    }
}

/// A step that failed, with what went into it: nothing is lost, and something else can be tried.
#[derive(Debug)]
pub struct Failed<T> {
    /// Why.
    pub error: Box<QueueError>,
    /// What the step consumed.
    pub given_back: T,
}

impl<T> Failed<T> {
    pub(super) fn new(error: QueueError, given_back: T) -> Self {
        Self {
            error: Box::new(error),
            given_back,
        }
    }
}

impl<T> fmt::Display for Failed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T: fmt::Debug> Error for Failed<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

impl<T> From<Failed<T>> for QueueError {
    /// Lets go of what was given back.
    fn from(failed: Failed<T>) -> Self {
        *failed.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(operation: &'static str) -> QueueError {
        QueueError {
            device: "camera vivid (/dev/video0)".into(),
            queue: Queue::Capture,
            buffer: Some(3),
            operation,
            detail: "plane 0 of 345600 bytes".into(),
            errno: None,
            remedy: String::new(),
        }
    }

    #[test]
    fn a_refusal_names_device_queue_buffer_plane_numbers_errno_and_remedy() {
        assert_eq!(
            error("VIDIOC_QBUF").errno(Errno::FAULT).to_string(),
            "camera vivid (/dev/video0), capture queue, buffer 3: VIDIOC_QBUF: plane 0 of 345600 bytes: \
             Bad address (os error 14); the device wants contiguous memory: take a CMA heap, or memory that the device exports"
        );
    }

    #[test]
    fn a_remedy_that_is_known_better_stays() {
        let error = error("VIDIOC_STREAMON")
            .remedy("media-ctl")
            .errno(Errno::INVAL);
        assert_eq!(error.remedy, "media-ctl");
    }

    #[test]
    fn a_device_that_is_gone_is_told_from_one_that_fails() {
        assert!(error("VIDIOC_DQBUF").errno(Errno::NODEV).is_gone());
        assert!(!error("VIDIOC_DQBUF").errno(Errno::IO).is_gone());
        assert!(!error("VIDIOC_DQBUF").is_gone());
    }
}
