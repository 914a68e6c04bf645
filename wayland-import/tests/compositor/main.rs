//! Surfaces against a compositor of the test's own: what is sent when, what is given back when, and what ends how.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod ends;
mod fake;
mod frames;
mod imports;
mod input;
mod offers;
mod windows;

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use dmabuf_heap::{Fourcc, Frame};
use fake::{PATIENCE, Seen, frame};
use wayland_import::{Display, Placement, Rect, Surface, SurfaceEvent};

const SIZE: Rect = Rect::new(0, 0, 64, 32);

fn placement(surface: &Surface) -> Placement {
    Placement::fitted(SIZE, (1, 1), surface.area())
}

fn window(display: &Arc<Display>) -> (Surface, Receiver<SurfaceEvent>) {
    let surface = Surface::builder(display)
        .title("a test")
        .size(64, 32)
        .build()
        .unwrap();
    let (sender, events) = mpsc::sync_channel(1000);
    surface.on_event(Box::new(move |event| sender.send(event).unwrap()));
    (surface, events)
}

/// Something that tells whether it is kept.
fn keep() -> (Box<dyn std::any::Any + Send>, Weak<()>) {
    let kept = Arc::new(());
    let weak = Arc::downgrade(&kept);
    (Box::new(kept), weak)
}

fn show(surface: &Surface, frame: &Frame) -> (u64, Weak<()>) {
    let (keep, kept) = keep();
    let number = surface.show(frame, &placement(surface), keep).unwrap();
    (number, kept)
}

/// Waits for what another thread does; panics when it does not.
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn event(
    events: &Receiver<SurfaceEvent>,
    is_meant: impl Fn(&SurfaceEvent) -> bool,
) -> SurfaceEvent {
    loop {
        let event = events.recv_timeout(PATIENCE).expect("the event comes");
        if is_meant(&event) {
            return event;
        }
    }
}

fn is_shown(seen: &Seen) -> bool {
    matches!(seen, Seen::Shown { .. })
}

fn xrgb(count: usize) -> Vec<Frame> {
    (0..count)
        .map(|_| frame(Fourcc::XRGB8888, 64, 32))
        .collect()
}
