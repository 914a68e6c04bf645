//! Waiting for the camera, until somebody wants the streaming thread back.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Ends a wait from another thread.
#[derive(Debug)]
pub(super) struct Wake {
    fd: OwnedFd,
    is_over: AtomicBool,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ready {
    /// The queue has a frame, or an error to tell.
    pub frame: bool,
    /// The driver has an event.
    pub event: bool,
}

impl Wake {
    /// Nobody has woken yet.
    ///
    /// # Errors
    ///
    /// The process has no file descriptors left.
    pub(super) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            fd: eventfd(0, flags)?,
            is_over: AtomicBool::new(false),
        })
    }

    /// Ends this wait and those to come, or allows them again.
    pub(super) fn set(&self, is_over: bool) {
        self.is_over.store(is_over, Ordering::Release);
        let result = if is_over {
            rustix::io::write(&self.fd, &1_u64.to_ne_bytes()).map(drop)
        } else {
            // EAGAIN: nobody woke.
            rustix::io::read(&self.fd, &mut [0; 8]).map(drop)
        };
        if let Err(error) = result {
            tracing::trace!(%error, is_over, "eventfd");
        }
    }

    /// Whether waiting is over.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Waits for a frame or an event of the device; at most so long, if a time is given. Nothing is ready when waiting is over.
    ///
    /// # Errors
    ///
    /// `poll` fails.
    pub(super) fn wait(
        &self,
        device: BorrowedFd<'_>,
        for_frames: bool,
        patience: Option<Duration>,
    ) -> io::Result<Ready> {
        let timeout = patience.map(Timespec::try_from).transpose();
        let timeout = timeout.map_err(io::Error::other)?;
        let frames = if for_frames {
            PollFlags::IN
        } else {
            PollFlags::empty()
        };
        let mut fds = [
            PollFd::from_borrowed_fd(device, frames | PollFlags::PRI),
            PollFd::from_borrowed_fd(self.fd.as_fd(), PollFlags::IN),
        ];
        rustix::io::retry_on_intr(|| poll(&mut fds, timeout.as_ref()))?;
        let events = fds[0].revents();
        let failed = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        Ok(Ready {
            frame: events.intersects(PollFlags::IN | failed),
            event: events.contains(PollFlags::PRI),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_ends_waits_until_they_are_allowed_again() {
        let wake = Wake::new().expect("an eventfd");
        let (read, _write) = rustix::pipe::pipe().expect("a pipe");
        wake.set(true);
        let forever = wake.wait(read.as_fd(), true, None).expect("poll");
        assert_eq!(forever, Ready::default());
        assert!(wake.is_over());
        wake.set(false);
        let moment = Some(Duration::from_millis(1));
        let ready = wake.wait(read.as_fd(), true, moment).expect("poll");
        assert_eq!((ready, wake.is_over()), (Ready::default(), false));
    }
}
