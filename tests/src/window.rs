//! wayland-import on a compositor, with the defaults of a test: a window with the small frames of [`scanout`](crate::scanout).

use std::ffi::OsStr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use dmabuf_heap::Frame;
use wayland_import::{Display, Placement, Surface};

use crate::scanout::{BT601, PATIENCE, SIZE, WHOLE};
use crate::weston::Weston;

/// A connection to the compositor.
#[track_caller]
pub fn connect(weston: &Weston) -> Arc<Display> {
    let name = weston.display();
    Display::connect(Some(OsStr::new(&name))).unwrap_or_else(|error| panic!("{error}"))
}

/// A window, which the kiosk shell makes as large as the output.
#[track_caller]
pub fn window(display: &Arc<Display>) -> Surface {
    Surface::builder(display)
        .title("frames")
        .size(SIZE.0, SIZE.1)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// As large as the window, in shape.
pub fn fitted(surface: &Surface) -> Placement {
    Placement::fitted(WHOLE, (1, 1), surface.area()).with_color(BT601)
}

/// Shows a frame and waits until the compositor says that it is seen.
#[track_caller]
pub fn show(surface: &Surface, frame: &Frame) {
    let shown = surface.stats().shown;
    surface
        .show(frame, &fitted(surface), Box::new(()))
        .unwrap_or_else(|error| panic!("{error}"));
    let start = Instant::now();
    while surface.stats().shown == shown {
        assert!(
            start.elapsed() < PATIENCE,
            "never shown: {:?}",
            surface.stats()
        );
        thread::sleep(Duration::from_millis(5));
    }
}
