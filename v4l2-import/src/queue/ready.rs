use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::BufferQueue;
use super::direction::Direction;
use super::state::Streaming;
use crate::device::Queue;

/// What a queue was waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// A buffer can be dequeued, or the queue is drained.
    pub has_buffer: bool,
    /// The device has an [event](crate::Event).
    pub has_event: bool,
    /// The device failed or is gone, or has no buffer that could ever be done: dequeueing says which.
    pub has_failed: bool,
}

impl Ready {
    /// Whether the time was over before anything came.
    pub const fn is_timeout(self) -> bool {
        !(self.has_buffer || self.has_event || self.has_failed)
    }
}

impl<D: Direction> BufferQueue<D, Streaming> {
    /// Waits until there is something to do, at most so long; for programs that have no loop of their own to poll in.
    ///
    /// # Errors
    ///
    /// `poll` fails.
    pub fn wait(&self, timeout: Duration) -> io::Result<Ready> {
        let buffer = match D::QUEUE {
            Queue::Capture => PollFlags::IN,
            Queue::Output => PollFlags::OUT,
        };
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let mut fds = [PollFd::from_borrowed_fd(
            self.as_fd(),
            buffer | PollFlags::PRI,
        )];
        rustix::io::retry_on_intr(|| poll(&mut fds, Some(&timeout)))?;
        let events = fds[0].revents();
        Ok(Ready {
            has_buffer: events.contains(buffer),
            has_event: events.contains(PollFlags::PRI),
            has_failed: events.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL),
        })
    }
}
