//! Recycling of frames for users without GStreamer.
//!
//! Making a frame costs a hundred times what passing it on does, because the kernel zeroes it and every importer maps it
//! anew. So frames go round. A pool that is too small for its pipeline hangs it, and nobody sees why: here every frame
//! has a holder with a name, and a pool without a free one says who holds each, and for how long.

mod error;
mod pooled_frame;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use error::{Holder, PoolError};
pub use pooled_frame::PooledFrame;

use crate::{Allocator, Frame, LayoutRequest};

/// A bounded set of frames of one kind, made when first needed.
///
/// The frame that came back last goes out first: it is the one that caches know. A frame whose clones are still about
/// when its [`PooledFrame`] is dropped is not recycled; its place is given to a new one.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    allocator: Arc<dyn Allocator>,
    request: LayoutRequest,
    max: usize,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Frame>,
    /// By the number of the hold, so in the order in which they were taken.
    held: BTreeMap<u64, Hold>,
    next_hold: u64,
    /// Frames that are idle, held, or being made.
    places: usize,
    high_water: usize,
}

struct Hold {
    holder: String,
    inode: u64,
    since: Instant,
}

impl Pool {
    /// A pool of at most `max` frames. Nothing is allocated yet.
    pub fn new(allocator: Arc<dyn Allocator>, request: LayoutRequest, max: usize) -> Self {
        let shared = Shared {
            allocator,
            request,
            max,
            state: Mutex::default(),
            returned: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A frame that is free or can be made now. `holder` is who will be named when the next one finds none.
    ///
    /// # Errors
    ///
    /// All frames are held, or a new one cannot be made.
    pub fn try_acquire(&self, holder: &str) -> Result<PooledFrame, PoolError> {
        self.acquire(holder, Duration::ZERO)
    }

    /// As [`try_acquire`](Self::try_acquire), but waits up to `timeout` for a frame to come back.
    ///
    /// # Errors
    ///
    /// All frames stayed held, or a new one cannot be made.
    pub fn acquire(&self, holder: &str, timeout: Duration) -> Result<PooledFrame, PoolError> {
        let shared = &self.shared;
        let is_full = |state: &mut State| state.idle.is_empty() && state.places >= shared.max;
        let (mut state, wait) = shared
            .returned
            .wait_timeout_while(shared.state(), timeout, is_full)
            .unwrap_or_else(PoisonError::into_inner);
        if wait.timed_out() && is_full(&mut state) {
            return Err(shared.starved(&state, timeout));
        }
        if let Some(frame) = state.idle.pop() {
            return Ok(shared.hand_out(&mut state, frame, holder));
        }
        state.places += 1;
        drop(state);

        // The place is reserved, so that making the frame needs no lock.
        match shared.allocator.allocate(&shared.request) {
            Ok(frame) => Ok(shared.hand_out(&mut shared.state(), frame, holder)),
            Err(error) => {
                shared.state().places -= 1;
                shared.returned.notify_one();
                Err(error.into())
            }
        }
    }

    /// What every frame of the pool is made for.
    pub fn request(&self) -> &LayoutRequest {
        &self.shared.request
    }

    /// Who holds a frame now, the longest first.
    pub fn holders(&self) -> Vec<Holder> {
        self.shared.state().holders()
    }

    /// Frames that wait to be taken.
    pub fn idle(&self) -> usize {
        self.shared.state().idle.len()
    }

    /// The most frames that were held at once.
    pub fn high_water(&self) -> usize {
        self.shared.state().high_water
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_out(self: &Arc<Self>, state: &mut State, frame: Frame, holder: &str) -> PooledFrame {
        let hold = state.next_hold;
        state.next_hold += 1;
        let inode = frame.dmabuf(0).id().inode;
        let holder = holder.to_owned();
        state.held.insert(
            hold,
            Hold {
                holder,
                inode,
                since: Instant::now(),
            },
        );
        state.high_water = state.high_water.max(state.held.len());
        PooledFrame::new(frame, self.clone(), hold)
    }

    fn take_back(&self, frame: Frame, hold: u64) {
        let mut state = self.state();
        state.held.remove(&hold);
        let shared = if frame.is_shared() {
            state.places -= 1;
            Some(frame)
        } else {
            state.idle.push(frame);
            None
        };
        drop(state);
        self.returned.notify_one();
        drop(shared);
    }

    fn starved(&self, state: &State, waited: Duration) -> PoolError {
        let spec = self.request.spec();
        PoolError::Starved {
            max: self.max,
            format: self.request.format(),
            width: spec.width,
            height: spec.height,
            waited,
            holders: state.holders(),
        }
    }
}

impl State {
    fn holders(&self) -> Vec<Holder> {
        let holder = |hold: &Hold| Holder {
            name: hold.holder.clone(),
            inode: hold.inode,
            held_for: hold.since.elapsed(),
        };
        self.held.values().map(holder).collect()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("Pool")
            .field("allocator", &self.shared.allocator.name())
            .field("max", &self.shared.max)
            .field("idle", &state.idle.len())
            .field("held", &state.holders())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
