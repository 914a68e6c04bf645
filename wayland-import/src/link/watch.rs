//! The event thread.

use std::io;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wayland_client::backend::{ReadEventsGuard, WaylandError};

use super::{Link, lost_error};
use crate::display::LostError;

/// When no frame has come for so long, they do not flow any more, and the event thread reads again.
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

impl Link {
    /// Reads events until the connection ends or [`Link::end`] is called. A panic ends the connection: nobody would read
    /// its events any more.
    pub(crate) fn watch(&self) {
        self.attention.watch();
        if catch_unwind(AssertUnwindSafe(|| self.read_to_the_end())).is_err() {
            self.lose(&LostError::Malformed {
                display: self.name.clone(),
                reason: "the event thread panicked over it".to_owned(),
            });
            self.outbox.deliver();
        }
    }

    fn read_to_the_end(&self) {
        let mut since = self.attention.frames();
        while !self.attention.is_ending() && self.lost().is_none() {
            if self.attention.is_flowing(since) && !self.is_awaited() {
                if self.watch_for_the_end() == Flow::Ceased {
                    since = self.attention.frames();
                }
            } else {
                self.read_once();
            }
        }
    }

    /// The event thread shall end.
    pub(crate) fn end(&self) {
        self.attention.end();
    }

    /// Waits for events, or a bell, and dispatches what has come.
    fn read_once(&self) {
        let guard = self.attention.take_over(&self.connection);
        self.flush();
        if let Some(guard) = guard {
            let mut events = PollFlags::IN;
            if self.attention.take_unsent() {
                events |= PollFlags::OUT;
            }
            // Whoever has awaited something since it was looked at found us reading, or rang.
            match self.wait(events, None) {
                Ok(Ready { socket, .. }) if socket.intersects(PollFlags::IN | PollFlags::HUP) => {
                    self.read(guard);
                }
                Ok(_) => drop(guard),
                Err(error) => {
                    drop(guard);
                    self.lose(&lost_error(&self.name, &WaylandError::Io(error)));
                }
            }
        }
        self.dispatch();
    }

    fn read(&self, guard: ReadEventsGuard) {
        match guard.read() {
            Ok(_) => {}
            Err(WaylandError::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                // The last words may have been read together with the end.
                let error = self.connection.backend().last_error().unwrap_or(error);
                self.lose(&lost_error(&self.name, &error));
            }
        }
    }

    /// While frames flow: leaves events to whoever shows them, until something is awaited, frames cease or the
    /// connection ends.
    fn watch_for_the_end(&self) -> Flow {
        self.attention.hand_over();
        loop {
            let seen = self.attention.frames();
            // Asked after the handing over, so that whoever awaits something from now on rings.
            if self.is_awaited() || self.attention.is_ending() {
                return Flow::Goes;
            }
            match self.wait(PollFlags::empty(), Some(&PAUSE)) {
                // The end, or an error: the event thread reads which.
                Ok(Ready { socket, .. }) if !socket.is_empty() => return Flow::Ceased,
                Ok(Ready { is_rung: true, .. }) => return Flow::Goes,
                Ok(_) if self.attention.frames() == seen => return Flow::Ceased,
                Ok(_) => {}
                Err(_) => return Flow::Ceased,
            }
        }
    }

    fn wait(&self, events: PollFlags, timeout: Option<&Timespec>) -> io::Result<Ready> {
        let backend = self.connection.backend();
        let socket = backend.poll_fd();
        let mut fds = [
            PollFd::from_borrowed_fd(socket.as_fd(), events),
            PollFd::new(&self.attention.bell, PollFlags::IN),
        ];
        match poll(&mut fds, timeout) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_rung = !fds[1].revents().is_empty();
        if is_rung {
            self.attention.silence_bell();
        }
        Ok(Ready {
            socket: fds[0].revents(),
            is_rung,
        })
    }
}

/// Whether frames still come, when the event thread has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Goes,
    Ceased,
}

/// What has happened.
struct Ready {
    socket: PollFlags,
    is_rung: bool,
}
