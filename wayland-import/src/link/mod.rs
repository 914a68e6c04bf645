//! The part of a connection that its event thread, its surfaces and whoever shows frames share.
//!
//! Two may read the socket. The event thread reads while something is awaited: an answer, a frame's turn, the end of a
//! pause. While frames flow it only watches for the end of the connection, and whoever shows the next frame reads first
//! what has come since the last one. So a frame costs two system calls, and no thread wakes up for it.

mod attention;
mod introduce;
mod watch;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use dmabuf_heap::FormatSet;
use tracing::{debug, warn};
use wayland_client::backend::WaylandError;
use wayland_client::{Connection, DispatchError, EventQueue, QueueHandle};

pub(crate) use introduce::introduce;

use crate::buffer::Buffers;
use crate::client::{Client, Globals};
use crate::display::{LostError, Offers};
use crate::outbox::{Effect, Outbox};
use crate::surface::Core;
use attention::Attention;

/// A connection. Locks are taken in this order: `reading`, `pump`, a surface's state, the rest.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) connection: Connection,
    pub(crate) handle: QueueHandle<Client>,
    /// Dropped before the globals, which send everybody's last requests.
    pump: Mutex<Pump>,
    pub(crate) globals: Globals,
    pub(crate) offers: Offers,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) outbox: Outbox,
    formats: Mutex<FormatSet>,
    surfaces: Mutex<Vec<Weak<Core>>>,
    attention: Attention,
    /// Whoever waits for an event with a condition variable.
    waiters: AtomicUsize,
    end: Mutex<End>,
}

/// The event queue and who its events are dispatched to.
#[derive(Debug)]
struct Pump {
    queue: EventQueue<Client>,
    client: Client,
}

/// Whether and why the connection has ended, and who wants to know.
#[derive(Default)]
struct End {
    error: Option<Arc<LostError>>,
    listeners: Vec<Box<dyn FnOnce(Arc<LostError>) + Send>>,
}

/// While it lives, the event thread reads events.
#[derive(Debug)]
pub(crate) struct Waiter<'a>(&'a Link);

impl Link {
    /// What can be imported, by the compositor's last word.
    pub(crate) fn formats(&self) -> FormatSet {
        lock(&self.formats).clone()
    }

    pub(crate) fn formats_changed(&self, formats: FormatSet) {
        let before = std::mem::replace(&mut *lock(&self.formats), formats);
        if before != *lock(&self.formats) {
            debug!(display = self.name, "other formats can be imported now");
            self.buffers.distrust();
            for core in self.surfaces() {
                core.display_formats_changed();
            }
        }
    }

    pub(crate) fn with_client<T>(&self, call: impl FnOnce(&Client) -> T) -> T {
        call(&lock(&self.pump).client)
    }

    pub(crate) fn add_surface(&self, core: &Arc<Core>) {
        let mut surfaces = lock(&self.surfaces);
        surfaces.retain(|core| core.strong_count() > 0);
        surfaces.push(Arc::downgrade(core));
    }

    pub(crate) fn surfaces(&self) -> Vec<Arc<Core>> {
        lock(&self.surfaces)
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    pub(crate) fn lost(&self) -> Option<Arc<LostError>> {
        lock(&self.end).error.clone()
    }

    pub(crate) fn on_lost(&self, listener: Box<dyn FnOnce(Arc<LostError>) + Send>) {
        let mut end = lock(&self.end);
        match end.error.clone() {
            None => end.listeners.push(listener),
            Some(error) => {
                drop(end);
                self.outbox.push(Effect::Lost(listener, error));
                self.outbox.deliver();
            }
        }
    }

    /// Sends what was said. A full socket is tried again by the event thread; a closed one it finds by itself, with the
    /// compositor's last words still to be read.
    pub(crate) fn flush(&self) {
        if let Err(WaylandError::Io(error)) = self.connection.flush()
            && error.kind() == std::io::ErrorKind::WouldBlock
        {
            self.attention.set_unsent();
            if !self.is_event_thread() {
                self.rouse();
            }
        }
    }

    /// Has the event thread read events until this is dropped.
    pub(crate) fn await_events(&self) -> Waiter<'_> {
        self.waiters.fetch_add(1, Ordering::AcqRel);
        self.rouse();
        Waiter(self)
    }

    /// The event thread shall look whether something is awaited.
    pub(crate) fn rouse(&self) {
        self.attention.rouse();
    }

    /// Whether this is the thread that reads events, which must not wait for any.
    pub(crate) fn is_event_thread(&self) -> bool {
        self.attention.is_watcher()
    }

    /// Notes that frames flow, and reads what has come, unless the event thread is at it. Never waits.
    pub(crate) fn catch_up(&self) {
        if self.attention.note_frame(&self.connection) {
            self.dispatch();
        }
    }

    /// Something is awaited that only an event can bring.
    fn is_awaited(&self) -> bool {
        self.waiters.load(Ordering::Acquire) > 0
            || self.buffers.is_waiting()
            || self.attention.has_unsent()
            || self.surfaces().iter().any(|core| core.is_waiting())
    }

    /// Dispatches what was read, sends what follows from it, and looks whether the connection has ended.
    fn dispatch(&self) {
        let dispatched = {
            let Pump { queue, client } = &mut *lock(&self.pump);
            queue.dispatch_pending(client)
        };
        if let Err(DispatchError::BadMessage {
            interface, opcode, ..
        }) = dispatched
        {
            let reason = format!("event {opcode} of {interface}");
            self.lose(&LostError::Malformed {
                display: self.name.clone(),
                reason,
            });
        }
        self.flush();
        if let Some(error) = self.connection.backend().last_error() {
            self.lose(&lost_error(&self.name, &error));
        }
        self.outbox.deliver();
    }

    /// The connection has ended: gives everything back and tells everybody, once.
    fn lose(&self, error: &LostError) {
        let (error, listeners) = {
            let mut end = lock(&self.end);
            if end.error.is_some() {
                return;
            }
            let error = Arc::new(error.clone());
            end.error = Some(Arc::clone(&error));
            (error, std::mem::take(&mut end.listeners))
        };
        warn!(display = self.name, %error, "connection lost");
        for core in self.surfaces() {
            core.lose(&error);
        }
        self.buffers.wake();
        for listener in listeners {
            self.outbox.push(Effect::Lost(listener, Arc::clone(&error)));
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.waiters.fetch_sub(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("End")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// Why a connection ended, as its reader says.
pub(crate) fn lost_error(display: &str, error: &WaylandError) -> LostError {
    let display = display.to_owned();
    match error {
        WaylandError::Protocol(error) => LostError::Protocol {
            display,
            interface: error.object_interface.clone(),
            object: error.object_id,
            code: error.code,
            message: error.message.clone(),
        },
        WaylandError::Io(error) => LostError::Gone {
            display,
            reason: error.to_string(),
        },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
