//! What comes and goes in `/dev`, without udev.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use crate::panic::contained;

const DEV: &str = "/dev";

/// A node that came, or can be opened now, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// It is there, or its permissions changed: udev sets them a moment after it was made.
    Came(PathBuf),
    /// It is gone.
    Went(PathBuf),
}

/// A thread that watches; dropped, it ends.
#[derive(Debug)]
pub(super) struct Watch {
    end: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Tells of every camera node that comes or goes from now on.
    ///
    /// # Errors
    ///
    /// The process or the user has no more of the kernel's resources for it.
    pub(super) fn start(tell: impl Fn(Change) + Send + 'static) -> io::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let events = WatchFlags::CREATE | WatchFlags::ATTRIB | WatchFlags::DELETE;
        inotify::add_watch(&inotify, DEV, events)?;
        let end = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let ended = Arc::clone(&end);
        let thread = thread::Builder::new()
            .name("dmaheap-cameras".to_owned())
            .spawn(move || {
                contained("camera watch", || watch(&inotify, &ended, tell));
            })?;
        Ok(Self {
            end,
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Err(error) = rustix::io::write(&*self.end, &1_u64.to_ne_bytes()) {
            tracing::error!(%error, "the watch for cameras cannot be ended");
            return;
        }
        let Some(thread) = self.thread.take() else {
            return;
        };
        // Whoever is told may let go of the last reference.
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!("the watch for cameras panicked");
        }
    }
}

fn watch(inotify: &OwnedFd, end: &OwnedFd, tell: impl Fn(Change)) {
    let mut space = [MaybeUninit::uninit(); 4096];
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(inotify.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(end.as_fd(), PollFlags::IN),
        ];
        let polled = rustix::io::retry_on_intr(|| poll(&mut fds, None));
        if polled.is_err() || !fds[1].revents().is_empty() {
            return;
        }
        let mut reader = Reader::new(inotify, &mut space);
        while let Ok(event) = reader.next() {
            let name = event.file_name().and_then(|name| name.to_str().ok());
            if let Some(change) = name.and_then(|name| change(name, event.events())) {
                tell(change);
            }
        }
    }
}

/// What an event on a file of this name means for cameras.
fn change(name: &str, events: ReadFlags) -> Option<Change> {
    let number = name.strip_prefix("video")?;
    number.parse::<u32>().ok()?;
    let path = Path::new(DEV).join(name);
    Some(if events.contains(ReadFlags::DELETE) {
        Change::Went(path)
    } else {
        Change::Came(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nodes_of_video_count() {
        let came = |name| change(name, ReadFlags::CREATE);
        assert_eq!(came("video7"), Some(Change::Came("/dev/video7".into())));
        assert_eq!(
            change("video7", ReadFlags::DELETE),
            Some(Change::Went("/dev/video7".into()))
        );
        for name in ["video", "videoX", "media0", "v4l-subdev0"] {
            assert_eq!(came(name), None, "{name}");
        }
    }

    #[test]
    fn a_watch_that_is_dropped_ends_its_thread() {
        let watch = Watch::start(|_change| {}).expect("inotify");
        drop(watch);
    }
}
