//! wayland-import while frames flow, and when that ends: who holds what, what a frame costs, and what stays behind.

use std::collections::BTreeSet;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use dmabuf_heap::{Fourcc, Frame};
use dmaheap_tests::census::Census;
use dmaheap_tests::scanout::{PATIENCE, Returned, SIZE, frame, system};
use dmaheap_tests::trace::{Action, Recorder, Trace};
use dmaheap_tests::weston::{Renderer, Weston};
use dmaheap_tests::window::{connect, fitted, show, window};
use dmaheap_tests::{note, wait};
use wayland_import::{LostError, ShowError, SurfaceEvent};

/// What a person would call at once, and a machine that has other things to do may take.
const SOON: Duration = Duration::from_secs(5);

#[test]
fn frames_come_back_in_order_and_never_more_than_three_are_held() {
    let weston = Weston::start(Renderer::Gl, SIZE);
    let display = connect(&weston);
    let surface = window(&display);
    let heap = system();
    let frames: Vec<Frame> = (0..4).map(|_| frame(&*heap, Fourcc::NV12)).collect();
    // Answered, so that the others are trusted, however long the compositor takes for its first shader.
    surface
        .test(&frames[0], &fitted(&surface))
        .unwrap_or_else(|error| panic!("{error}"));
    let (sender, returned) = mpsc::channel();
    let mut missing = BTreeSet::new();
    let (start, mut number) = (Instant::now(), 0);
    // However long the compositor takes for each: so many that several have been on screen.
    while number < 60 || (surface.stats().shown <= 10 && start.elapsed() < PATIENCE) {
        let keep = Returned(number, sender.clone());
        missing.insert(number);
        surface
            .show(&frames[number % 4], &fitted(&surface), Box::new(keep))
            .unwrap_or_else(|error| panic!("{error}"));
        for number in returned.try_iter() {
            missing.remove(&number);
        }
        // One that is given back is given back by another thread.
        while missing.len() > 3 {
            let number = returned.recv_timeout(PATIENCE);
            missing.remove(&number.unwrap_or_else(|_late| panic!("held: {missing:?}")));
        }
        number += 1;
        // The pace of a camera; nothing is waited for.
        thread::sleep(Duration::from_millis(33));
    }
    assert!(surface.wait_idle(PATIENCE), "{:?}", surface.stats());
    for number in returned.try_iter() {
        missing.remove(&number);
    }
    assert_eq!(
        missing.into_iter().collect::<Vec<_>>(),
        [number - 1],
        "the one on screen"
    );
    let stats = surface.stats();
    note(format!("{stats:?}\n{:?}", display.import_stats()));
    assert!(stats.held_peak <= 3 && stats.shown > 10, "{stats:?}");
    let imports = display.import_stats();
    assert_eq!(
        (imports.asked, imports.trusted),
        (1, 3),
        "one is asked for, the rest is trusted"
    );
    drop(surface);
    let last = returned.recv_timeout(PATIENCE);
    assert_eq!(last, Ok(number - 1));
}

/// The calls of the thread that shows frames and of the event thread, from the `first` frame on; without those that a test
/// makes to keep its pace.
fn steady_calls(trace: &Trace, first: usize) -> (Vec<String>, Vec<String>) {
    let (mut showing, mut watching, mut sent) = (Vec::new(), Vec::new(), 0);
    for event in trace.events() {
        let Action::Call(call) = &event.action else {
            continue;
        };
        let call = call.to_string();
        let is_showing = event.thread == "shower";
        sent += usize::from(is_showing && call == "sendmsg");
        if sent <= first || call == "clock_nanosleep" {
            continue;
        }
        if is_showing {
            showing.push(call);
        } else if event.thread == "wayland-import" {
            watching.push(call);
        }
    }
    (showing, watching)
}

const FLOWING: usize = 30;
const FRAMES: usize = 60;

/// An output that an emulated processor draws long before the next frame comes.
const DRAWN_AT_ONCE: (u32, u32) = (160, 90);

/// What is wrong with the calls of a flow, if anything is.
fn objection(trace: &Trace) -> Option<String> {
    let (showing, watching) = steady_calls(trace, FLOWING);
    note(format!("shower: {showing:?}\nevent thread: {watching:?}"));
    let count = |calls: &[String], name: &str| calls.iter().filter(|call| *call == name).count();
    let (sent, received) = (count(&showing, "sendmsg"), count(&showing, "recvmsg"));
    let other = showing.len() - sent - received - count(&showing, "futex");
    let read_aside = count(&watching, "recvmsg");
    let wrong = [
        (sent.abs_diff(FRAMES) > 5, format!("{sent} writes")),
        (received > 2 * FRAMES, format!("{received} reads")),
        (
            other > 10,
            format!("{other} calls for other things, the thread's end among them"),
        ),
        (
            read_aside > 0,
            format!("{read_aside} reads of the event thread"),
        ),
        (
            // It looks every tenth of a second whether frames still come.
            watching.len() > FRAMES,
            format!("{} calls of the event thread", watching.len()),
        ),
    ];
    let wrong: Vec<String> = wrong
        .into_iter()
        .filter(|(is, _)| *is)
        .map(|(_, what)| what)
        .collect();
    (!wrong.is_empty()).then(|| format!("for {FRAMES} frames: {}", wrong.join(", ")))
}

/// A compositor that a busy host keeps from its work is late with its callback, and then the event thread has to send the
/// frame; six attempts tell that from a cost of the code.
#[test]
fn in_the_steady_state_a_frame_costs_reads_and_a_write_and_wakes_nobody() {
    const ATTEMPTS: usize = 6;
    let weston = Weston::start(Renderer::Gl, DRAWN_AT_ONCE);
    let display = connect(&weston);
    let surface = window(&display);
    let heap = system();
    let frames: Vec<Frame> = (0..4).map(|_| frame(&*heap, Fourcc::XRGB8888)).collect();
    let run = || {
        for number in 0..FLOWING + FRAMES {
            surface
                .show(&frames[number % 4], &fitted(&surface), Box::new(()))
                .unwrap_or_else(|error| panic!("{error}"));
            thread::sleep(Duration::from_millis(40));
        }
    };
    let attempt = |_number| {
        let recorder = Recorder::start();
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("shower".into());
            let running = thread.spawn_scoped(scope, run).expect("a thread");
            running.join().expect("the frames are shown");
        });
        objection(&recorder.finish().of_process(std::process::id()))
    };
    let objections: Vec<String> = (0..ATTEMPTS).map_while(attempt).collect();
    assert!(objections.len() < ATTEMPTS, "{objections:#?}");
}

#[test]
fn a_compositor_that_is_killed_is_noticed_at_once_and_nothing_leaks() {
    let before = Census::take();
    {
        let weston = Weston::start(Renderer::Gl, SIZE);
        let display = connect(&weston);
        let surface = window(&display);
        let (sender, events) = mpsc::channel();
        surface.on_event(Box::new(move |event| {
            drop(sender.send((Instant::now(), event)));
        }));
        let heap = system();
        let frames: Vec<Frame> = (0..3).map(|_| frame(&*heap, Fourcc::NV12)).collect();
        let (sender, returned) = mpsc::channel();
        for number in 0..20 {
            let keep = Returned(number, sender.clone());
            surface
                .show(&frames[number % 3], &fitted(&surface), Box::new(keep))
                .unwrap_or_else(|error| panic!("{error}"));
            thread::sleep(Duration::from_millis(40));
        }
        drop(sender);
        weston.kill();
        let killed = Instant::now();
        let (told, error) = loop {
            let (at, event) = events.recv_timeout(PATIENCE).expect("the end is told");
            if let SurfaceEvent::Lost(error) = event {
                break (at, error);
            }
        };
        let after = told.saturating_duration_since(killed);
        note(format!("after {after:?}: {error}"));
        assert!(after < SOON, "{after:?}");
        assert!(matches!(*error, LostError::Gone { .. }), "{error}");
        // Every keep is dropped, which ends the channel.
        let start = Instant::now();
        while returned.recv_timeout(PATIENCE).is_ok() {}
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        let error = surface
            .show(&frames[0], &fitted(&surface), Box::new(()))
            .unwrap_err();
        assert!(matches!(error, ShowError::Lost(_)), "{error}");
    }
    before.expect_restored("the death of a compositor");
}

/// Pictures that the compositor's renderer keeps mapped though nobody shows them any more: those that it drew last.
const DRAWN_LAST: usize = 3;
/// More than those, so that one that stays behind of each shows.
const WINDOWS: usize = 2 * DRAWN_LAST;

/// Waits until a process has as many files open as before, those of dma-bufs apart.
#[track_caller]
fn expect_files(before: &Census, take: impl Fn() -> Census, whose: &str) {
    let are_same = || (take().files_but_dmabufs() == before.files_but_dmabufs()).then_some(());
    let same = wait::until(PATIENCE, are_same).is_some();
    assert!(same, "{whose}: {:?} → {:?}", before.files, take().files);
}

#[test]
fn a_window_that_is_opened_and_closed_leaves_nothing_behind() {
    let before = Census::take();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let theirs = || Census::take_of(weston.pid());
    let cycle = || {
        let display = connect(&weston);
        let surface = window(&display);
        let frame = frame(&*system(), Fourcc::NV12);
        show(&surface, &frame);
    };
    // What is opened once and kept is opened now.
    cycle();
    weston.wait_bare();
    let (ours, of_compositor) = (Census::take(), theirs());
    for _ in 0..WINDOWS {
        cycle();
    }
    weston.wait_bare();
    expect_files(&ours, Census::take, "in this process");
    expect_files(&of_compositor, theirs, "in the compositor");
    let most = before.dmabufs + DRAWN_LAST;
    let is_bounded = |now: &Census| now.mappings == 0 && now.dmabufs <= most;
    let bounded = wait::until(PATIENCE, || Some(Census::take()).filter(is_bounded));
    assert!(
        bounded.is_some(),
        "after {WINDOWS} windows: {before} → {}",
        Census::take()
    );
    drop(weston);
    before.expect_released();
}
