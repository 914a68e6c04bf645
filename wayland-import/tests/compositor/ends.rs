//! How connections end, and what is left then.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use wayland_import::{ConnectError, Display, LostError, ShowError, SurfaceEvent};

use crate::fake::{Config, Fake};
use crate::{event, eventually, is_shown, keep, placement, show, window, xrgb};

/// A moment, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn a_compositor_that_dies_gives_everything_back_at_once() {
    let (fake, display) = Fake::connected(Config {
        calls_back: false,
        ..Config::default()
    });
    let (surface, events) = window(&display);
    let frames = xrgb(2);
    surface.test(&frames[0], &placement(&surface)).unwrap();
    let kept = [show(&surface, &frames[0]).1, show(&surface, &frames[1]).1];
    fake.wait_for(1, is_shown);
    fake.die();
    let start = Instant::now();
    let lost = event(&events, |event| matches!(event, SurfaceEvent::Lost(_)));
    assert!(start.elapsed() < SOON);
    let SurfaceEvent::Lost(error) = lost else {
        unreachable!();
    };
    assert!(matches!(*error, LostError::Gone { .. }), "{error}");
    eventually("everything comes back", || {
        kept.iter().all(|kept| kept.upgrade().is_none())
    });
    let (keep, kept) = keep();
    let error = surface
        .show(&frames[0], &placement(&surface), keep)
        .unwrap_err();
    assert!(matches!(error, ShowError::Lost(_)), "{error}");
    assert!(kept.upgrade().is_none());
}

#[test]
fn the_end_is_seen_while_nobody_shows_anything_and_while_frames_flow() {
    for frames_before in [0, 40] {
        let (fake, display) = Fake::connected(Config::default());
        let (surface, _events) = window(&display);
        let frames = xrgb(3);
        for index in 0..frames_before {
            show(&surface, &frames[index % 3]);
            // Whoever shows frames reads events once they flow; the next call sees what came of this one.
            fake.wait_for(index + 1, is_shown);
        }
        let (sender, heard) = mpsc::channel();
        display.on_lost(Box::new(move |error| sender.send(error).unwrap()));
        fake.die();
        let error = heard.recv_timeout(SOON).expect("the end is told");
        assert!(matches!(*error, LostError::Gone { .. }), "{error}");
    }
}

#[test]
fn a_protocol_error_is_told_with_interface_code_and_message() {
    let (fake, display) = Fake::connected(Config::default());
    let (_surface, events) = window(&display);
    fake.protocol_error(1, "a test says so");
    let lost = event(&events, |event| matches!(event, SurfaceEvent::Lost(_)));
    let text = format!("{lost:?}");
    for word in ["wl_surface", "code: 1"] {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
    if !cfg!(feature = "foreign") {
        assert!(text.contains("a test says so"), "{text}");
    }
}

#[test]
fn a_compositor_that_says_nothing_is_given_up() {
    let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let error = Display::from_socket(ours, "mute").unwrap_err();
    assert!(matches!(error, ConnectError::Silent { .. }), "{error}");
}

#[test]
fn a_compositor_that_is_gone_before_it_says_anything_is_lost() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    drop(theirs);
    let error = Display::from_socket(ours, "dead").unwrap_err();
    assert!(matches!(error, ConnectError::Lost(_)), "{error}");
}

#[test]
fn nothing_is_left_open_when_all_is_dropped() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // Other tests run beside this one, in this process.
    eventually("as many files as before", || {
        let before = open();
        let (fake, display) = Fake::connected(Config::default());
        let (surface, _events) = window(&display);
        let frames = xrgb(3);
        for frame in &frames {
            show(&surface, frame);
        }
        drop(surface);
        drop(frames);
        drop(display);
        drop(fake);
        open() == before
    });
}

/// Waits until just this is left of a display on a connection that outlives it, as an application's does.
fn expect_left(config: Config, left: &[&str]) {
    let (fake, socket) = Fake::start(config);
    let _open = socket.try_clone().unwrap();
    let display = Display::from_socket(socket, "fake").unwrap();
    let (surface, events) = window(&display);
    for frame in &xrgb(3) {
        show(&surface, frame);
        event(&events, |event| matches!(event, SurfaceEvent::Shown { .. }));
    }
    assert!(fake.objects().contains(&"wl_output"));
    drop(surface);
    drop(display);
    eventually(&format!("{left:?}"), || fake.objects() == left);
}

#[test]
fn a_connection_that_lives_on_keeps_no_objects_of_a_display() {
    expect_left(Config::default(), &["wl_display"]);
}

#[test]
fn an_older_compositor_keeps_what_had_no_destructor_then() {
    let config = Config {
        is_recent: false,
        ..Config::default()
    };
    let kept = ["wl_compositor", "wl_display", "wl_registry", "wl_shm"];
    expect_left(config, &kept);
}
