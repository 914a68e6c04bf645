//! Who reads the socket now.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, ThreadId};

use rustix::event::{EventfdFlags, eventfd};
use wayland_client::Connection;
use wayland_client::backend::ReadEventsGuard;

/// After so many frames in a row the event thread leaves reading to whoever shows them.
const FRAMES_OF_A_FLOW: u64 = 8;

/// How the two readers of a connection agree.
#[derive(Debug)]
pub(super) struct Attention {
    reader: Mutex<Reader>,
    /// Wakes the event thread.
    pub(super) bell: OwnedFd,
    /// Frames shown so far.
    frames: AtomicU64,
    has_unsent: AtomicBool,
    is_ending: AtomicBool,
    watcher: OnceLock<ThreadId>,
    /// Whether whoever shows frames may read: not on a connection whose owner waits for events in a thread of its own,
    /// for the readers of a connection wait for each other.
    may_share: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// The event thread.
    Watcher,
    /// Whoever shows the next frame.
    Shower,
}

impl Attention {
    pub(super) fn new(may_share: bool) -> std::io::Result<Attention> {
        Ok(Attention {
            reader: Mutex::new(Reader::Watcher),
            bell: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            frames: AtomicU64::new(0),
            has_unsent: AtomicBool::new(false),
            is_ending: AtomicBool::new(false),
            watcher: OnceLock::new(),
            may_share,
        })
    }

    /// This thread is the event thread.
    pub(super) fn watch(&self) {
        // Only the first call sets it, and there is one event thread.
        let _is_set = self.watcher.set(thread::current().id());
    }

    pub(super) fn is_watcher(&self) -> bool {
        self.watcher.get() == Some(&thread::current().id())
    }

    /// Wakes the event thread if it does not read. While it reads, events wake it.
    pub(super) fn rouse(&self) {
        let reader = *self.lock();
        if reader == Reader::Shower || self.has_unsent() {
            self.ring();
        }
    }

    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::Release);
        self.ring();
    }

    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    pub(super) fn set_unsent(&self) {
        self.has_unsent.store(true, Ordering::Release);
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.has_unsent.load(Ordering::Acquire)
    }

    pub(super) fn take_unsent(&self) -> bool {
        self.has_unsent.swap(false, Ordering::AcqRel)
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Counts a frame. Reads what has come if that is the caller's part; whether there is something to dispatch.
    pub(super) fn note_frame(&self, connection: &Connection) -> bool {
        self.frames.fetch_add(1, Ordering::Relaxed);
        let reader = self.lock();
        if *reader != Reader::Shower {
            return false;
        }
        if let Some(guard) = connection.prepare_read() {
            // That nothing has come is no error, and an error is kept by the connection, where dispatch finds it.
            let _read = guard.read();
        }
        drop(reader);
        true
    }

    /// Whether frames flow, given how many had been shown when the event thread began to read.
    pub(super) fn is_flowing(&self, since: u64) -> bool {
        self.may_share && self.frames().wrapping_sub(since) >= FRAMES_OF_A_FLOW
    }

    /// The event thread reads from now on; none if there are events to be dispatched first.
    pub(super) fn take_over(&self, connection: &Connection) -> Option<ReadEventsGuard> {
        let mut reader = self.lock();
        *reader = Reader::Watcher;
        connection.prepare_read()
    }

    /// Whoever shows frames reads from now on.
    pub(super) fn hand_over(&self) {
        *self.lock() = Reader::Shower;
    }

    pub(super) fn silence_bell(&self) {
        let mut count = [0; 8];
        // Nothing to read means that nobody rang.
        let _rung = rustix::io::read(&self.bell, &mut count);
    }

    fn ring(&self) {
        // It fails only when it has been rung 2^64 times and nobody came.
        let _rung = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
    }

    fn lock(&self) -> MutexGuard<'_, Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
