//! Which frame is sent when, and given back when.

use std::time::Duration;

use wayland_import::{Clock, ShowError, SurfaceEvent, Unshown};

use crate::fake::{Config, Fake, PATIENCE};
use crate::{event, eventually, is_shown, placement, show, window, xrgb};

#[test]
fn frames_wait_for_the_callback_and_the_newest_wins() {
    let (fake, display) = Fake::connected(Config {
        calls_back: false,
        ..Config::default()
    });
    let (surface, events) = window(&display);
    let frames = xrgb(4);
    surface.test(&frames[0], &placement(&surface)).unwrap();
    let kept: Vec<_> = frames.iter().map(|frame| show(&surface, frame)).collect();
    fake.wait_for(1, is_shown);
    for (number, kept) in &kept[1..3] {
        eventually(&format!("frame {number} comes back"), || {
            kept.upgrade().is_none()
        });
    }
    assert!(kept[0].1.upgrade().is_some() && kept[3].1.upgrade().is_some());
    let why = |event: &SurfaceEvent| {
        matches!(
            event,
            SurfaceEvent::Unshown {
                why: Unshown::Superseded,
                ..
            }
        )
    };
    event(&events, why);
    event(&events, why);
    let before = fake.count(is_shown);
    fake.call_back();
    fake.wait_for(before + 1, is_shown);
    eventually("the first frame comes back", || {
        kept[0].1.upgrade().is_none()
    });
    assert_eq!(surface.stats().superseded, 2);
}

#[test]
fn a_frame_is_given_back_when_its_buffer_is_released() {
    let (_fake, display) = Fake::connected(Config::default());
    let (surface, _events) = window(&display);
    let frames = xrgb(2);
    let (_number, first) = show(&surface, &frames[0]);
    eventually("the first frame is shown", || surface.stats().shown == 1);
    assert!(first.upgrade().is_some(), "it is on screen");
    let (_number, second) = show(&surface, &frames[1]);
    eventually("the first frame comes back", || first.upgrade().is_none());
    assert!(surface.wait_idle(PATIENCE));
    assert!(second.upgrade().is_some());
    assert!(surface.blank(PATIENCE));
    assert!(second.upgrade().is_none());
}

#[test]
fn a_compositor_that_never_releases_gets_three_frames() {
    let (fake, display) = Fake::connected(Config {
        releases: false,
        ..Config::default()
    });
    let (surface, _events) = window(&display);
    let frames = xrgb(6);
    surface.test(&frames[0], &placement(&surface)).unwrap();
    let kept: Vec<_> = frames
        .iter()
        .map(|frame| {
            let shown = surface.stats().shown;
            let kept = show(&surface, frame).1;
            eventually("the frame is shown, or the compositor has three", || {
                surface.stats().shown > shown || surface.stats().superseded > 0
            });
            kept
        })
        .collect();
    let held = || kept.iter().filter(|kept| kept.upgrade().is_some()).count();
    eventually("three frames are held", || held() == 3);
    assert!(!surface.wait_idle(Duration::from_millis(20)));
    fake.release_everything();
    assert!(surface.wait_idle(PATIENCE));
    eventually("one frame is on screen", || held() == 1);
}

#[test]
fn times_are_those_of_the_compositor_on_its_clock() {
    let (_fake, display) = Fake::connected(Config {
        clock: Some(4),
        ..Config::default()
    });
    let (surface, events) = window(&display);
    let (number, _kept) = show(&surface, &xrgb(1)[0]);
    let shown = event(&events, |event| matches!(event, SurfaceEvent::Shown { .. }));
    let SurfaceEvent::Shown {
        frame,
        time,
        refresh,
        sequence,
        clock,
        ..
    } = shown
    else {
        unreachable!();
    };
    assert_eq!((frame, sequence, clock), (number, 7, Clock::MONOTONIC_RAW));
    assert_eq!(time, Duration::new(12, 345));
    assert_eq!(refresh, Some(Duration::from_nanos(16_666_666)));
}

#[test]
fn while_flushing_nothing_is_taken_and_nothing_waits() {
    let (fake, display) = Fake::connected(Config {
        calls_back: false,
        ..Config::default()
    });
    let (surface, _events) = window(&display);
    let frames = xrgb(2);
    surface.test(&frames[0], &placement(&surface)).unwrap();
    show(&surface, &frames[0]);
    fake.wait_for(1, is_shown);
    let (_number, waiting) = show(&surface, &frames[1]);
    surface.set_flushing(true);
    eventually("the frame comes back", || waiting.upgrade().is_none());
    let error = surface
        .show(&frames[1], &placement(&surface), Box::new(()))
        .unwrap_err();
    assert!(matches!(error, ShowError::Flushing), "{error}");
    surface.set_flushing(false);
    show(&surface, &frames[1]);
}
