//! Waiting for the camera, until somebody wants the streaming thread back.
//!
//! `GstBaseSrc` takes the end of a pause back at any time: a thread that comes back because of the pause when the element plays
//! again stops its task for good. So a pause calls nobody back. The thread rests here until the element plays again or something
//! else, a flush or the end, wants it. That may be over by the time the thread looks, and is counted for that reason: there is
//! nothing that `unlock_stop` would have to undo.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// Ends or suspends waits from another thread.
#[derive(Debug)]
pub(super) struct Wake {
    fd: OwnedFd,
    is_paused: AtomicBool,
    /// How often the thread was called back.
    calls: AtomicU32,
}

/// One stay of the streaming thread in the element.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    wake: &'a Wake,
    /// Calls before it.
    calls: u32,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ready {
    /// The queue has a frame, or an error to tell.
    pub frame: bool,
    /// The driver has an event.
    pub event: bool,
    /// Somebody has called, paused, or gone on.
    pub woken: bool,
}

impl Wake {
    /// Nobody has called yet.
    ///
    /// # Errors
    ///
    /// The process has no file descriptors left.
    pub(super) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            fd: eventfd(0, flags)?,
            is_paused: AtomicBool::new(false),
            calls: AtomicU32::new(0),
        })
    }

    /// Ends the turn that there is.
    pub(super) fn call_back(&self) {
        self.calls.fetch_add(1, Ordering::AcqRel);
        self.ring();
    }

    /// Lets the turn that there is, and those to come, rest.
    pub(super) fn pause(&self) {
        self.is_paused.store(true, Ordering::Release);
        self.ring();
    }

    /// Ends a pause.
    pub(super) fn go_on(&self) {
        self.is_paused.store(false, Ordering::Release);
        self.ring();
    }

    /// Begins a turn.
    pub(super) fn turn(&self) -> Turn<'_> {
        Turn {
            wake: self,
            calls: self.calls.load(Ordering::Acquire),
        }
    }

    fn ring(&self) {
        // Only who waits takes it away: it cannot be missed.
        if let Err(error) = rustix::io::write(&self.fd, &1_u64.to_ne_bytes()) {
            tracing::trace!(%error, "eventfd");
        }
    }

    fn poll(&self, device: Option<PollFd<'_>>, timeout: Option<&Timespec>) -> io::Result<Ready> {
        let own = PollFd::from_borrowed_fd(self.fd.as_fd(), PollFlags::IN);
        let mut both;
        let mut alone;
        let fds: &mut [PollFd<'_>] = if let Some(device) = device {
            both = [own, device];
            &mut both
        } else {
            alone = [own];
            &mut alone
        };
        rustix::io::retry_on_intr(|| poll(fds, timeout))?;
        let events = |at: usize| fds.get(at).map_or(PollFlags::empty(), PollFd::revents);
        let woken = events(0).contains(PollFlags::IN);
        let failed = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        let ready = Ready {
            frame: events(1).intersects(PollFlags::IN | failed),
            event: events(1).contains(PollFlags::PRI),
            woken,
        };
        if woken && let Err(error) = rustix::io::read(&self.fd, &mut [0; 8]) {
            tracing::trace!(%error, "eventfd");
        }
        Ok(ready)
    }
}

impl Turn<'_> {
    /// Whether the thread was called back since it came.
    pub(super) fn is_over(&self) -> bool {
        self.wake.calls.load(Ordering::Acquire) != self.calls
    }

    /// Whether nobody is to wait for others now.
    pub(super) fn is_interrupted(&self) -> bool {
        self.is_over() || self.is_paused()
    }

    fn is_paused(&self) -> bool {
        self.wake.is_paused.load(Ordering::Acquire)
    }

    /// Waits for a frame or an event of the device; at most so long, if a time is given. During a pause neither is looked for.
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
        let has_rested = self.is_paused();
        while self.is_paused() && !self.is_over() {
            self.wake.poll(None, None)?;
        }
        if has_rested || self.is_over() {
            return Ok(Ready {
                woken: true,
                ..Ready::default()
            });
        }
        let timeout = patience.map(Timespec::try_from).transpose();
        let timeout = timeout.map_err(io::Error::other)?;
        let frames = if for_frames {
            PollFlags::IN
        } else {
            PollFlags::empty()
        };
        let device = PollFd::from_borrowed_fd(device, frames | PollFlags::PRI);
        self.wake.poll(Some(device), timeout.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WOKEN: Ready = Ready {
        frame: false,
        event: false,
        woken: true,
    };

    #[test]
    fn a_call_ends_the_turn_even_if_it_is_over_before_the_thread_looks() {
        let wake = Wake::new().expect("an eventfd");
        let (read, _write) = rustix::pipe::pipe().expect("a pipe");
        let turn = wake.turn();
        wake.call_back();
        wake.go_on();
        let ready = turn.wait(read.as_fd(), true, None).expect("poll");
        assert_eq!((ready, turn.is_over()), (WOKEN, true));
        assert!(!wake.turn().is_over(), "the next one begins anew");
    }

    #[test]
    fn a_pause_that_is_taken_back_ends_no_turn() {
        let wake = Wake::new().expect("an eventfd");
        let (read, write) = rustix::pipe::pipe().expect("a pipe");
        let turn = wake.turn();
        wake.pause();
        wake.go_on();
        let ready = turn.wait(read.as_fd(), true, None).expect("poll");
        assert_eq!((ready, turn.is_interrupted()), (WOKEN, false));
        rustix::io::write(&write, b"frame").expect("room in the pipe");
        let ready = turn.wait(read.as_fd(), true, None).expect("poll");
        assert!(ready.frame && !ready.woken, "{ready:?}");
    }

    #[test]
    fn nothing_is_taken_from_the_camera_during_a_pause() {
        let wake = Wake::new().expect("an eventfd");
        let (read, write) = rustix::pipe::pipe().expect("a pipe");
        rustix::io::write(&write, b"frame").expect("room in the pipe");
        let turn = wake.turn();
        wake.pause();
        std::thread::scope(|scope| {
            scope.spawn(|| wake.go_on());
            let rested = turn.wait(read.as_fd(), true, None).expect("poll");
            assert_eq!(rested, WOKEN);
        });
        wake.pause();
        wake.call_back();
        let called = turn.wait(read.as_fd(), true, None).expect("poll");
        assert_eq!((called, turn.is_over()), (WOKEN, true));
    }
}
