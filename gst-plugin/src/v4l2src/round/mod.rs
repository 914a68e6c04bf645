//! Buffers that go round between the driver and downstream.
//!
//! Each buffer number of the driver stands for one frame, and for one `GstBuffer`, for as long as the stream lasts: the kernel
//! attaches each dma-buf once. A `GstBuffer` that comes back is queued at the driver by whoever let go of it, at once, so
//! that the camera waits for nobody's next turn.

mod seat;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use v4l2_import::{Buffer, Capture, QueueError};

use super::line::{Line, NotGiven};
use crate::sync::{lock, wait_in_slices};
use seat::{Return, Seat};

/// Makes a new `GstBuffer` for the frame of a number, should one come back broken.
pub(super) type Remake = Box<dyn Fn(usize) -> Option<gst::Buffer> + Send + Sync>;

/// All buffers of a stream.
pub(super) struct Round {
    line: Arc<Line>,
    seats: Mutex<Vec<Seat>>,
    came_back: Condvar,
    remake: Remake,
    failure: Mutex<Option<QueueError>>,
}

impl Round {
    /// The buffers of `line`, each with the `GstBuffer` that shows its frame. None is queued yet.
    pub(super) fn new(
        line: Arc<Line>,
        pairs: Vec<(Buffer<Capture>, gst::Buffer)>,
        remake: Remake,
    ) -> Self {
        let seats = pairs
            .into_iter()
            .map(|(slot, buffer)| Seat::new(slot, buffer));
        Self {
            line,
            seats: Mutex::new(seats.collect()),
            came_back: Condvar::new(),
            remake,
            failure: Mutex::new(None),
        }
    }

    /// How many buffers there are.
    pub(super) fn len(&self) -> usize {
        self.seats().len()
    }

    /// The next `GstBuffer` for the pool to own, while it starts.
    pub(super) fn introduce(&self) -> Option<gst::Buffer> {
        self.seats().iter_mut().find_map(Seat::introduce)
    }

    /// The `GstBuffer` of a number that the driver has filled.
    pub(super) fn filled(&self, slot: Buffer<Capture>) -> Option<gst::Buffer> {
        let at = usize::try_from(slot.index()).ok()?;
        self.seats().get_mut(at)?.filled(slot)
    }

    /// Takes back a `GstBuffer` that nobody uses any more, and has the driver fill it. One that is not of this round, or comes
    /// when there is no queue any more, is given back.
    pub(super) fn returned(&self, buffer: gst::Buffer) -> Result<(), gst::Buffer> {
        if self.line.is_closed() {
            return Err(buffer);
        }
        let identity = seat::identity(&buffer);
        let (slot, broken) = {
            let mut seats = self.seats();
            let Some((index, seat)) = seats
                .iter_mut()
                .enumerate()
                .find(|(_index, seat)| seat.is(identity))
            else {
                return Err(buffer);
            };
            match seat.returned(buffer) {
                Return::Ready(slot) => (slot, None),
                Return::Shared => (None, None),
                Return::Broken(broken) => {
                    let slot = (self.remake)(index).and_then(|new| seat.renew(new));
                    (slot, Some(broken))
                }
            }
        };
        drop(broken);
        if let Some(slot) = slot {
            self.give(slot);
        }
        self.came_back.notify_all();
        Ok(())
    }

    /// Looks again at those whose memory somebody shared when they came back; true if some still are.
    pub(super) fn recheck(&self) -> bool {
        let (free, is_some_left) = {
            let mut seats = self.seats();
            let free: Vec<_> = seats.iter_mut().filter_map(Seat::recheck).collect();
            (free, seats.iter().any(Seat::is_shared))
        };
        for slot in free {
            self.give(slot);
        }
        is_some_left
    }

    /// Waits until the driver has a buffer, for a moment; whether it has one then.
    pub(super) fn wait_for_return(&self, patience: Duration, is_over: impl Fn() -> bool) -> bool {
        let is_short = |_seats: &mut Vec<Seat>| self.line.queued() == 0 && !is_over();
        wait_in_slices(patience, |slice| {
            let waited = self
                .came_back
                .wait_timeout_while(self.seats(), slice, is_short);
            waited.is_ok_and(|(_seats, waited)| !waited.timed_out())
        })
    }

    /// Lets who waits look again whether it is over.
    pub(super) fn interrupt(&self) {
        // With the lock held once, nobody is between looking and waiting.
        drop(self.seats());
        self.came_back.notify_all();
    }

    /// What the driver said when it refused a buffer.
    pub(super) fn failure(&self) -> Option<QueueError> {
        lock(&self.failure).take()
    }

    /// Every `GstBuffer` that is here.
    pub(super) fn clear(&self) -> Vec<gst::Buffer> {
        self.seats().iter_mut().filter_map(Seat::leave).collect()
    }

    fn give(&self, slot: Buffer<Capture>) {
        if let Err(NotGiven::Refused(error, slot)) = self.line.give(slot) {
            let at = usize::try_from(slot.index()).unwrap_or(usize::MAX);
            if let Some(seat) = self.seats().get_mut(at) {
                seat.keep(slot);
            }
            lock(&self.failure).get_or_insert(*error);
        }
    }

    fn seats(&self) -> MutexGuard<'_, Vec<Seat>> {
        lock(&self.seats)
    }
}

impl std::fmt::Debug for Round {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Round")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}
