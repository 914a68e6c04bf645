use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::io::Errno;

use crate::device::{Device, Queue};
use crate::uapi;

/// A queue that was started, and is stopped when this is dropped.
#[derive(Debug)]
pub(super) struct Run {
    device: Arc<Device>,
    queue: Queue,
    has_stopped: bool,
}

impl Run {
    pub(super) fn start(device: &Arc<Device>, queue: Queue) -> Result<Self, Errno> {
        uapi::stream_on(device.as_fd(), device.info().buffer_type(queue))?;
        Ok(Self {
            device: device.clone(),
            queue,
            has_stopped: false,
        })
    }

    /// Every buffer is the program's afterwards. A device that is gone has stopped.
    pub(super) fn stop(&mut self) -> Result<(), Errno> {
        if self.has_stopped {
            return Ok(());
        }
        let buffer_type = self.device.info().buffer_type(self.queue);
        match uapi::stream_off(self.device.as_fd(), buffer_type) {
            Ok(()) | Err(Errno::NODEV) => self.has_stopped = true,
            Err(errno) => return Err(errno),
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            let (device, queue) = (self.device.info(), self.queue);
            tracing::error!(%device, %queue, %error, "a queue cannot be stopped");
        }
    }
}
