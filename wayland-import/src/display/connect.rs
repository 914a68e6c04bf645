//! From a name to a connection with an event thread.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use wayland_client::Connection;

use super::{ConnectError, Display};
use crate::link::{Link, introduce};

/// How long a compositor may take to introduce itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// Opens the socket of a display, and says what the display is called.
pub(super) fn socket(name: Option<&OsStr>) -> Result<(UnixStream, String), ConnectError> {
    let name = match name {
        Some(name) => name.to_owned(),
        None => match env::var_os("WAYLAND_DISPLAY") {
            Some(name) if !name.is_empty() => name,
            _ => return Err(ConnectError::NoName),
        },
    };
    let path = path(&name, env::var_os("XDG_RUNTIME_DIR"))?;
    let socket = UnixStream::connect(&path).map_err(|source| ConnectError::Socket {
        path: path.display().to_string(),
        source,
    })?;
    Ok((socket, name.to_string_lossy().into_owned()))
}

/// Where the socket of a display lies.
fn path(name: &OsStr, directory: Option<OsString>) -> Result<PathBuf, ConnectError> {
    let path = PathBuf::from(name);
    if path.is_absolute() {
        return Ok(path);
    }
    let wrong = |directory: String| ConnectError::NoDirectory {
        name: name.to_string_lossy().into_owned(),
        directory,
    };
    let directory = directory.ok_or_else(|| wrong("not set".into()))?;
    let directory = PathBuf::from(directory);
    if !directory.is_absolute() {
        return Err(wrong(format!("{}, no absolute path", directory.display())));
    }
    Ok(directory.join(path))
}

/// A connection of our own.
pub(super) fn own(socket: UnixStream, name: &str) -> Result<Arc<Display>, ConnectError> {
    let kernel = |what| {
        move |source: io::Error| ConnectError::Kernel {
            display: name.to_owned(),
            what,
            source,
        }
    };
    let breaker = socket.try_clone().map_err(kernel("dup"))?;
    let connection =
        Connection::from_socket(socket).map_err(|_no_library| ConnectError::NoLibrary)?;
    start(connection, name, true).inspect_err(|_error| {
        // A thread that still waits for the compositor's words hears the end instead.
        let _closed = breaker.shutdown(Shutdown::Both);
    })
}

/// The connection of somebody who reads it, too.
#[cfg(feature = "foreign")]
pub(super) fn joined(connection: Connection, name: &str) -> Result<Arc<Display>, ConnectError> {
    start(connection, name, false)
}

fn start(connection: Connection, name: &str, is_own: bool) -> Result<Arc<Display>, ConnectError> {
    let (introduced, introduction) = mpsc::sync_channel(1);
    let display = name.to_owned();
    let watch = move || {
        let link = introduce(&connection, &display, is_own);
        drop(connection);
        let watched = link.as_ref().ok().map(Arc::clone);
        // Whoever has lost patience drops the link, which ends it.
        let is_heard = introduced.send(link).is_ok();
        if let Some(link) = watched.filter(|_| is_heard) {
            link.watch();
        }
    };
    let watcher = thread::Builder::new()
        .name("wayland-import".into())
        .spawn(watch)
        .map_err(|source| ConnectError::Kernel {
            display: name.to_owned(),
            what: "starting the event thread",
            source,
        })?;
    let link: Arc<Link> = match introduction.recv_timeout(PATIENCE) {
        Ok(link) => link?,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            return Err(ConnectError::Silent {
                display: name.to_owned(),
                seconds: PATIENCE.as_secs(),
            });
        }
    };
    Ok(Arc::new(Display {
        link,
        watcher: Some(watcher),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_in_the_runtime_directory() {
        let found = path(OsStr::new("wayland-1"), Some("/run/user/7".into())).unwrap();
        assert_eq!(found, PathBuf::from("/run/user/7/wayland-1"));
        let found = path(OsStr::new("/tmp/w"), None).unwrap();
        assert_eq!(found, PathBuf::from("/tmp/w"));
    }

    #[test]
    fn without_a_runtime_directory_the_error_names_it() {
        for directory in [None, Some("relative".into())] {
            let text = path(OsStr::new("wayland-1"), directory)
                .unwrap_err()
                .to_string();
            assert!(
                text.contains("XDG_RUNTIME_DIR") && text.contains("wayland-1"),
                "{text}"
            );
        }
    }
}
