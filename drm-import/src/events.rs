//! Page-flip events of one card, brought to the outputs they belong to.
//!
//! A card has one queue of events for all its CRTCs, and whoever reads an event takes it away from all
//! others. So one thread per card reads them and hands each to the output that drives its CRTC. It costs
//! one `poll` and one `read` per event, and an event file descriptor ends it.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use tracing::{debug, warn};

use crate::device::Card;

const VBLANK: u32 = 1;
const FLIP_COMPLETE: u32 = 2;
/// `struct drm_event_vblank`.
const VBLANK_EVENT_LEN: usize = 32;
/// How often a route may look whether its flip is overdue.
const TICK: Duration = Duration::from_secs(1);

/// What happened on a CRTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CrtcEvent {
    pub(crate) kind: EventKind,
    pub(crate) crtc: u32,
    pub(crate) sequence: u32,
    /// Time of the vblank on `CLOCK_MONOTONIC`.
    pub(crate) time: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    Flip,
    Vblank,
}

/// Who is told about the events of a CRTC. All calls come from the card's event thread.
pub(crate) trait Route: Send + Sync {
    /// An event of the CRTC.
    fn event(&self, event: CrtcEvent);
    /// A second went by.
    fn tick(&self);
}

/// The event thread of a card: runs while at least one route is registered.
pub(crate) struct EventLoop {
    card: Arc<Card>,
    routes: Arc<Mutex<Routes>>,
    worker: Mutex<Option<Worker>>,
}

type Routes = HashMap<u32, Weak<dyn Route>>;

struct Worker {
    wake: Arc<OwnedFd>,
    thread: JoinHandle<()>,
}

impl EventLoop {
    pub(crate) fn new(card: Arc<Card>) -> EventLoop {
        EventLoop {
            card,
            routes: Arc::default(),
            worker: Mutex::default(),
        }
    }

    /// Sends the events of `crtc` to `route` from now on; starts the thread for the first one.
    pub(crate) fn register(&self, crtc: u32, route: Weak<dyn Route>) -> std::io::Result<()> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if worker.is_none() {
            *worker = Some(self.spawn()?);
        }
        self.routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(crtc, route);
        Ok(())
    }

    /// Ends the route of `crtc`; the last one ends the thread and waits for it.
    pub(crate) fn unregister(&self, crtc: u32) {
        let mut slot = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last = {
            let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
            routes.remove(&crtc);
            routes.is_empty()
        };
        if let Some(worker) = slot.take_if(|_| is_last) {
            drop(slot);
            worker.stop();
        }
    }

    fn spawn(&self) -> std::io::Result<Worker> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (card, routes, stop) = (
            Arc::clone(&self.card),
            Arc::clone(&self.routes),
            Arc::clone(&wake),
        );
        let thread = thread::Builder::new()
            .name("drm-events".into())
            .spawn(move || run(&card, &routes, &stop))?;
        Ok(Worker { wake, thread })
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop")
            .field("card", &self.card)
            .finish_non_exhaustive()
    }
}

impl Worker {
    fn stop(self) {
        if let Err(error) = rustix::io::write(&self.wake, &1_u64.to_ne_bytes()) {
            warn!(%error, "the event thread cannot be woken");
            return;
        }
        // A frame's keep or a listener may drop the last output from within the thread itself.
        if self.thread.thread().id() != thread::current().id() && self.thread.join().is_err() {
            warn!("the event thread panicked");
        }
    }
}

thread_local! {
    static IS_EVENT_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Whether the caller is an event thread, which must not wait for events.
pub(crate) fn is_event_thread() -> bool {
    IS_EVENT_THREAD.get()
}

fn run(card: &Card, routes: &Mutex<Routes>, stop: &OwnedFd) {
    IS_EVENT_THREAD.set(true);
    let mut buffer = [0_u8; 1024];
    let timeout = Timespec {
        tv_sec: TICK.as_secs().cast_signed(),
        tv_nsec: 0,
    };
    let mut last_tick = Duration::ZERO;
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(card.as_fd(), PollFlags::IN),
            PollFd::new(stop, PollFlags::IN),
        ];
        match poll(&mut fds, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return warn!(card = %card, %error, "no more events: poll failed"),
            Ok(0) => {
                tick(routes);
                continue;
            }
            Ok(_) => {}
        }
        if !fds[1].revents().is_empty() {
            return debug!(card = %card, "event thread ends");
        }
        if !fds[0].revents().contains(PollFlags::IN) {
            return warn!(card = %card, revents = ?fds[0].revents(), "no more events: the card hung up");
        }
        match rustix::io::read(card, &mut buffer) {
            // Events bring the time along, which saves asking for it.
            Ok(len) => {
                if let Some(now) = deliver(&buffer[..len], routes)
                    && now.saturating_sub(last_tick) >= TICK
                {
                    last_tick = now;
                    tick(routes);
                }
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return warn!(card = %card, %error, "no more events: read failed"),
        }
    }
}

/// Hands out events; returns the time of the last one.
fn deliver(bytes: &[u8], routes: &Mutex<Routes>) -> Option<Duration> {
    let mut time = None;
    for event in parse(bytes) {
        time = Some(event.time);
        let route = {
            let routes = routes.lock().unwrap_or_else(PoisonError::into_inner);
            routes.get(&event.crtc).and_then(Weak::upgrade)
        };
        if let Some(route) = route {
            route.event(event);
        } else {
            debug!(crtc = event.crtc, "an event for a CRTC that nobody drives");
        }
    }
    time
}

fn tick(routes: &Mutex<Routes>) {
    let routes: Vec<_> = {
        let routes = routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.values().filter_map(Weak::upgrade).collect()
    };
    for route in routes {
        route.tick();
    }
}

/// The CRTC events in what `read` returned; events of other kinds are passed over.
fn parse(mut bytes: &[u8]) -> impl Iterator<Item = CrtcEvent> {
    std::iter::from_fn(move || {
        loop {
            let len = usize::try_from(u32_at(bytes, 4)?).ok()?;
            let (event, rest) = bytes.split_at_checked(len.max(8))?;
            bytes = rest;
            let kind = match u32_at(event, 0)? {
                FLIP_COMPLETE => EventKind::Flip,
                VBLANK => EventKind::Vblank,
                _ => continue,
            };
            if event.len() < VBLANK_EVENT_LEN {
                continue;
            }
            let seconds = Duration::from_secs(u64::from(u32_at(event, 16)?));
            return Some(CrtcEvent {
                kind,
                crtc: u32_at(event, 28)?,
                sequence: u32_at(event, 24)?,
                time: seconds + Duration::from_micros(u64::from(u32_at(event, 20)?)),
            });
        }
    })
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes
        .get(offset..)?
        .first_chunk()
        .copied()
        .map(u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(kind: u32, crtc: u32, sequence: u32) -> Vec<u8> {
        let fields = [kind, 32, 0, 0, 5, 250_000, sequence, crtc];
        fields
            .iter()
            .flat_map(|field| field.to_ne_bytes())
            .collect()
    }

    #[test]
    fn flips_of_several_crtcs_are_told_apart() {
        let bytes = [event(FLIP_COMPLETE, 41, 7), event(VBLANK, 52, 9)].concat();
        let events: Vec<_> = parse(&bytes).collect();
        assert_eq!(events[0].kind, EventKind::Flip);
        assert_eq!((events[0].crtc, events[0].sequence), (41, 7));
        assert_eq!(events[0].time, Duration::from_millis(5250));
        assert_eq!((events[1].kind, events[1].crtc), (EventKind::Vblank, 52));
    }

    #[test]
    fn an_unknown_event_is_passed_over() {
        let mut bytes = [0x8000_0000_u32, 12, 1]
            .iter()
            .flat_map(|f| f.to_ne_bytes())
            .collect::<Vec<_>>();
        bytes.extend(event(FLIP_COMPLETE, 41, 1));
        assert_eq!(parse(&bytes).count(), 1);
    }

    #[test]
    fn an_event_of_length_zero_ends_the_walk() {
        let bytes = [0_u8; 64];
        assert_eq!(parse(&bytes).count(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            prop_assert!(parse(&bytes).count() <= bytes.len() / VBLANK_EVENT_LEN);
        }
    }
}
