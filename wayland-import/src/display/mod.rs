//! A connection to a compositor, and what the compositor offers.

mod clock;
mod connect;
mod error;
mod monitor;
mod offers;

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;

use dmabuf_heap::FormatSet;
use tracing::warn;

pub use clock::Clock;
pub use error::{ConnectError, LostError};
pub use monitor::Monitor;
pub use offers::{Offers, YuvSupport};

use crate::buffer::ImportStats;
use crate::link::Link;

/// A connection to a compositor, with a thread of its own that reads its events.
///
/// [`Surface`](crate::Surface)s are made on it and keep it open. When the compositor dies, every one of them gives back what it
/// held and says so; a display that is lost stays lost.
pub struct Display {
    link: Arc<Link>,
    watcher: Option<JoinHandle<()>>,
}

impl Display {
    /// Connects to the named display, or to the one of this session (`WAYLAND_DISPLAY`), and waits
    /// until the compositor has said what it offers.
    ///
    /// # Errors
    ///
    /// No display is named, nobody listens there, or the compositor lacks what every one should have.
    pub fn connect(name: Option<&OsStr>) -> Result<Arc<Display>, ConnectError> {
        let (socket, name) = connect::socket(name)?;
        Display::from_socket(socket, &name)
    }

    /// Takes over a socket that is connected to a compositor; `name` is for messages.
    ///
    /// # Errors
    ///
    /// As of [`connect`](Display::connect).
    pub fn from_socket(socket: UnixStream, name: &str) -> Result<Arc<Display>, ConnectError> {
        connect::own(socket, &format!("Wayland display {name}"))
    }

    /// Joins the connection of an application that uses libwayland. Its events are read together with the application's
    /// own, into a queue of this display's.
    ///
    /// # Errors
    ///
    /// As of [`connect`](Display::connect).
    ///
    /// # Safety
    ///
    /// `display` is a `wl_display*` of the libwayland-client that this process has loaded, and stays connected until this
    /// display and all that was made of it is dropped.
    #[cfg(feature = "foreign")]
    #[expect(unsafe_code, reason = "the caller answers for a pointer of C")]
    pub unsafe fn from_foreign(
        display: *mut std::ffi::c_void,
    ) -> Result<Arc<Display>, ConnectError> {
        // SAFETY: the caller's promise is the very one asked for.
        let connection = unsafe { crate::ffi::connection(display) };
        connect::joined(connection, "Wayland display of the application")
    }

    /// As messages name it: `Wayland display wayland-0`.
    pub fn name(&self) -> &str {
        &self.link.name
    }

    /// What can be imported as dma-bufs, by the compositor's word; empty without linux-dmabuf. `implicit` modifiers are in
    /// it only where they are announced.
    pub fn formats(&self) -> FormatSet {
        self.link.formats()
    }

    /// What else there is.
    pub fn offers(&self) -> &Offers {
        &self.link.offers
    }

    /// The outputs of the compositor now.
    pub fn monitors(&self) -> Vec<Monitor> {
        self.link.with_client(|client| client.outputs.monitors())
    }

    /// Why the connection has ended, if it has.
    pub fn lost(&self) -> Option<Arc<LostError>> {
        self.link.lost()
    }

    /// Calls `listener` once, on the event thread, when the connection ends; at once if it has ended.
    pub fn on_lost(&self, listener: Box<dyn FnOnce(Arc<LostError>) + Send>) {
        self.link.on_lost(listener);
    }

    /// What was imported so far.
    pub fn import_stats(&self) -> ImportStats {
        self.link.buffers.stats()
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.link.end();
        let Some(watcher) = self.watcher.take() else {
            return;
        };
        // A listener may hold the last reference; its thread ends by itself then.
        if !self.link.is_event_thread() && watcher.join().is_err() {
            warn!(display = self.link.name, "the event thread had panicked");
        }
    }
}

impl fmt::Debug for Display {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Display")
            .field("name", &self.link.name)
            .field("offers", &self.link.offers)
            .finish_non_exhaustive()
    }
}
