//! Objects of an application that uses libwayland.
#![expect(unsafe_code, reason = "takes pointers of libwayland")]

use std::ffi::c_void;

use wayland_backend::client::{Backend, ObjectId};
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Proxy};

/// A connection that somebody else has opened and will close.
///
/// # Safety
///
/// `display` is a `wl_display*` of the libwayland-client that this process has loaded, and stays connected as long as the
/// connection or anything made of it lives.
pub(crate) unsafe fn connection(display: *mut c_void) -> Connection {
    // SAFETY: the caller's promise is what the backend asks for.
    let backend = unsafe { Backend::from_foreign_display(display.cast()) };
    Connection::from_backend(backend)
}

/// A surface of the connection's owner; `None` if it is an object of another kind.
///
/// # Safety
///
/// `surface` is a `wl_proxy*` of the very connection, and lives as long as what is returned.
pub(crate) unsafe fn surface(connection: &Connection, surface: *mut c_void) -> Option<WlSurface> {
    // SAFETY: the caller promises that it is a valid object; its interface is checked there.
    let id = unsafe { ObjectId::from_ptr(WlSurface::interface(), surface.cast()) };
    WlSurface::from_id(connection, id.ok()?).ok()
}
