//! wayland-import on an unmodified compositor: frames of real heaps in a window, seen by the compositor's own screenshot.

use std::ffi::OsStr;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use dmabuf_heap::{Fourcc, Frame, FrameSpec, Importer, Registry, Verdict};
use dmaheap_tests::application::{Application, BLUE};
use dmaheap_tests::census::Census;
use dmaheap_tests::note;
use dmaheap_tests::pattern::quadrants;
use dmaheap_tests::picture::{Picture, Rect as Area};
use dmaheap_tests::scanout::{BT601, PATIENCE, Returned, SIZE, WHOLE, frame, system};
use dmaheap_tests::trace::{Action, Recorder, Trace};
use dmaheap_tests::wait;
use dmaheap_tests::weston::{Renderer, Weston};
use wayland_import::{
    Display, LostError, Placement, Rect, ShowError, Surface, SurfaceEvent, SurfaceImporter,
};

fn connect(weston: &Weston) -> Arc<Display> {
    let name = weston.display();
    Display::connect(Some(OsStr::new(&name))).unwrap_or_else(|error| panic!("{error}"))
}

/// A window, which the kiosk shell makes as large as the output.
fn window(display: &Arc<Display>) -> Surface {
    Surface::builder(display)
        .title("frames")
        .size(SIZE.0, SIZE.1)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn fitted(surface: &Surface) -> Placement {
    Placement::fitted(WHOLE, (1, 1), surface.area()).with_color(BT601)
}

/// Shows a frame and waits until the compositor says that it is seen.
#[track_caller]
fn show(surface: &Surface, frame: &Frame) {
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

#[track_caller]
fn expect_quadrants(weston: &Weston, what: &str) {
    let shown = weston.shown();
    let difference = shown.difference(&quadrants(SIZE.0, SIZE.1), &[]);
    note(format!("{what}: {difference:?}"));
    if !difference.is_within(3, 1.0) {
        shown.keep("wayland-import");
    }
    assert!(difference.is_within(3, 1.0), "{what}: {difference:?}");
}

#[test]
fn frames_of_each_format_and_heap_reach_the_output() {
    let weston = Weston::start(Renderer::Gl, SIZE);
    let (registry, display) = (Registry::discover(), connect(&weston));
    note(format!("{:?}\n{}", display.offers(), display.formats()));
    let surface = window(&display);
    assert_eq!(surface.area(), WHOLE);
    let cases = [
        (
            "system",
            &[
                Fourcc::XRGB8888,
                Fourcc::ARGB8888,
                Fourcc::RGB565,
                Fourcc::NV12,
                Fourcc::YUYV,
                Fourcc::YUV420,
            ][..],
        ),
        ("default_cma_region", &[Fourcc::XRGB8888, Fourcc::NV12]),
        ("udmabuf", &[Fourcc::XRGB8888, Fourcc::NV12]),
    ];
    for (heap, fourccs) in cases {
        let heap = registry
            .find(heap)
            .unwrap_or_else(|error| panic!("{error}"));
        for &fourcc in fourccs {
            let frame = frame(&*heap, fourcc);
            surface.blank(PATIENCE);
            show(&surface, &frame);
            expect_quadrants(&weston, &format!("{fourcc} in {}", heap.name()));
        }
    }
    let stats = display.import_stats();
    assert_eq!(
        (stats.asked, stats.trusted, stats.refused),
        (10, 0, 0),
        "ten kinds, each asked for once"
    );
}

#[test]
fn a_frame_is_scaled_in_shape_on_black_and_moves_with_its_placement() {
    let weston = Weston::start(Renderer::Gl, (640, 240));
    let display = connect(&weston);
    let surface = window(&display);
    assert_eq!(
        surface.area(),
        Rect::new(0, 0, 640, 240),
        "the kiosk shell decides"
    );
    let frame = frame(&*system(), Fourcc::XRGB8888);
    show(&surface, &frame);
    let place = |x| Area {
        x,
        y: 0,
        width: SIZE.0,
        height: SIZE.1,
    };
    let expect_at = |x: u32, picture: &Picture| {
        let difference = picture
            .crop(place(x))
            .difference(&quadrants(SIZE.0, SIZE.1), &[]);
        assert!(difference.is_within(0, 0.0), "at {x}: {difference:?}");
        assert!(
            picture.is_black_outside(place(x)),
            "something beside the picture"
        );
    };
    expect_at(160, &weston.shown());
    let moved = Placement {
        dest: Rect::new(10, 0, SIZE.0, SIZE.1),
        ..fitted(&surface)
    };
    surface
        .rearrange(&moved)
        .unwrap_or_else(|error| panic!("{error}"));
    let start = Instant::now();
    while weston.screenshot().pixel(11, 1) != [255, 0, 0] {
        assert!(start.elapsed() < PATIENCE, "it never moved");
    }
    expect_at(10, &weston.screenshot());
    assert_eq!(surface.stats().commits, 1);
    let quarter = Placement {
        source: Rect::new(SIZE.0 / 2, 0, SIZE.0 / 2, SIZE.1 / 2),
        ..moved
    };
    surface
        .show(&frame, &quarter, Box::new(()))
        .unwrap_or_else(|error| panic!("{error}"));
    let start = Instant::now();
    while weston.screenshot().pixel(11, 1) != [0, 255, 0] {
        assert!(start.elapsed() < PATIENCE, "it was never cropped");
    }
}

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
    let mut missing = std::collections::BTreeSet::new();
    for number in 0..60 {
        let keep = Returned(number, sender.clone());
        missing.insert(number);
        surface
            .show(&frames[number % 4], &fitted(&surface), Box::new(keep))
            .unwrap_or_else(|error| panic!("{error}"));
        for number in returned.try_iter() {
            missing.remove(&number);
        }
        assert!(missing.len() <= 3, "held: {missing:?}");
        // The pace of a camera; nothing is waited for.
        thread::sleep(Duration::from_millis(33));
    }
    assert!(surface.wait_idle(PATIENCE), "{:?}", surface.stats());
    for number in returned.try_iter() {
        missing.remove(&number);
    }
    assert_eq!(
        missing.into_iter().collect::<Vec<_>>(),
        [59],
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
    assert_eq!(last, Ok(59));
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
/// frame; three attempts tell that from a cost of the code.
#[test]
fn in_the_steady_state_a_frame_costs_reads_and_a_write_and_wakes_nobody() {
    const ATTEMPTS: usize = 3;
    let weston = Weston::start(Renderer::Gl, SIZE);
    let display = connect(&weston);
    let surface = window(&display);
    let heap = system();
    let frames: Vec<Frame> = (0..4).map(|_| frame(&*heap, Fourcc::NV12)).collect();
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
        let killed = Instant::now();
        weston.kill();
        let (told, error) = loop {
            let (at, event) = events.recv_timeout(PATIENCE).expect("the end is told");
            if let SurfaceEvent::Lost(error) = event {
                break (at, error);
            }
        };
        note(format!("after {:?}: {error}", told - killed));
        assert!(told - killed < Duration::from_secs(1));
        assert!(matches!(*error, LostError::Gone { .. }), "{error}");
        // Every keep is dropped, which ends the channel.
        let start = Instant::now();
        while returned.recv_timeout(PATIENCE).is_ok() {}
        assert!(start.elapsed() < Duration::from_secs(1));
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
    let files = |census: &Census| {
        let mut files = census.files.clone();
        files.retain(|name, _count| !name.starts_with("/dmabuf:"));
        files
    };
    let are_same = || (files(&take()) == files(before)).then_some(());
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
    let (now, most) = (Census::take(), before.dmabufs + DRAWN_LAST);
    assert_eq!(now.mappings, 0, "{now}");
    assert!(
        now.dmabufs <= most,
        "after {WINDOWS} windows: {before} → {now}"
    );
    drop(weston);
    before.expect_released();
}

#[test]
fn a_compositor_without_linux_dmabuf_gets_copies_that_are_counted() {
    let weston = Weston::start(Renderer::Pixman, SIZE);
    let display = connect(&weston);
    assert!(display.formats().is_empty());
    let surface = window(&display);
    let frame = frame(&*system(), Fourcc::XRGB8888);
    let error = surface
        .show(&frame, &fitted(&surface), Box::new(()))
        .unwrap_err();
    assert!(error.to_string().contains("zwp_linux_dmabuf_v1"), "{error}");
    let importer = SurfaceImporter::new(&display);
    let refusal = importer
        .constraints(&FrameSpec::new(Fourcc::XRGB8888, SIZE.0, SIZE.1))
        .unwrap_err();
    note(refusal);
    let cost = surface
        .show_copy(&frame, &fitted(&surface))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((cost.bytes, cost.sync_ioctls), (320 * 240 * 4, 2));
    expect_quadrants(&weston, "a copy through wl_shm");
    assert_eq!(surface.stats().copies, 1);
}

#[test]
fn an_importer_agrees_with_what_the_compositor_shows() {
    let weston = Weston::start(Renderer::Gl, SIZE);
    let display = connect(&weston);
    let surface = window(&display);
    let importer = SurfaceImporter::for_surface(&surface);
    note(importer.name());
    let registry = Registry::discover();
    for heap in ["system", "default_cma_region", "udmabuf"] {
        let heap = registry
            .find(heap)
            .unwrap_or_else(|error| panic!("{error}"));
        let frame = frame(&*heap, Fourcc::NV12);
        let constraints = importer.constraints(&FrameSpec::new(Fourcc::NV12, SIZE.0, SIZE.1));
        assert!(constraints.is_ok(), "{constraints:?}");
        assert_eq!(importer.probe(&frame), Verdict::Accepted, "{}", heap.name());
        show(&surface, &frame);
    }
    let stats = display.import_stats();
    assert_eq!(
        (stats.asked, stats.cache_hits),
        (3, 3),
        "the probe's import is the one that is shown"
    );
    let refusal = importer.constraints(&FrameSpec::new(Fourcc::RGB888, SIZE.0, SIZE.1));
    note(format!("{refusal:?}"));
    assert!(refusal.is_err(), "llvmpipe takes no RG24");
}

/// A display on an application's connection.
fn join(application: &Application) -> Arc<Display> {
    #[expect(unsafe_code, reason = "takes a pointer of the application")]
    // SAFETY: it is the application's wl_display, of the one libwayland there is, and every test drops the application last.
    let display = unsafe { Display::from_foreign(application.display()) };
    display.unwrap_or_else(|error| panic!("{error}"))
}

/// A surface in an application's window.
fn lodge(application: &Application, display: &Arc<Display>, geometry: Rect) -> Surface {
    #[expect(unsafe_code, reason = "takes a pointer of the application")]
    // SAFETY: it is a wl_surface of the very connection, and every test drops the application last.
    let surface = unsafe { Surface::builder(display).build_in(application.surface(), geometry) };
    surface.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_application_lends_a_part_of_its_window_and_moves_it() {
    let weston = Weston::start(Renderer::Gl, (640, 480));
    let application = Application::open(&weston);
    let display = join(&application);
    let surface = lodge(&application, &display, Rect::new(40, 30, SIZE.0, SIZE.1));
    assert_eq!(surface.area(), WHOLE);
    let frame = frame(&*system(), Fourcc::XRGB8888);
    show(&surface, &frame);
    let expect_in = |area: Area, black: Area| {
        let start = Instant::now();
        loop {
            let picture = weston.screenshot();
            let is_there = |x, y, color| picture.pixel(x, y) == color;
            let (right, below) = (area.x + area.width - 1, area.y + area.height - 1);
            if is_there(area.x, area.y, [255, 0, 0])
                && is_there(right, area.y, [0, 255, 0])
                && is_there(area.x, below, [0, 0, 255])
                && is_there(right, below, [255; 3])
                && is_there(
                    black.x,
                    black.y,
                    if black == area { [255, 0, 0] } else { [0; 3] },
                )
                && is_there(0, 0, BLUE)
                && is_there(639, 479, BLUE)
            {
                return;
            }
            if start.elapsed() > PATIENCE {
                picture.keep("application");
                panic!("not in {area:?}");
            }
        }
    };
    let place = |x, y, width, height| Area {
        x,
        y,
        width,
        height,
    };
    expect_in(place(40, 30, SIZE.0, SIZE.1), place(40, 30, SIZE.0, SIZE.1));
    // Wider than the picture: black at the sides.
    assert!(surface.set_geometry(Rect::new(100, 100, 480, 240)));
    assert_eq!(surface.area(), Rect::new(0, 0, 480, 240));
    surface
        .rearrange(&fitted(&surface))
        .unwrap_or_else(|error| panic!("{error}"));
    expect_in(place(180, 100, SIZE.0, SIZE.1), place(100, 100, 1, 1));
    drop(surface);
    let start = Instant::now();
    while !weston.screenshot().is_uniform() {
        assert!(start.elapsed() < PATIENCE, "it never left the window");
    }
}

#[test]
fn frames_flow_on_an_application_s_connection_and_its_end_is_told() {
    let weston = Weston::start(Renderer::Gl, SIZE);
    let application = Application::open(&weston);
    let display = join(&application);
    let surface = lodge(&application, &display, WHOLE);
    let heap = system();
    let frames: Vec<Frame> = (0..4).map(|_| frame(&*heap, Fourcc::NV12)).collect();
    let (sender, returned) = mpsc::channel();
    for number in 0..30 {
        let keep = Returned(number, sender.clone());
        surface
            .show(&frames[number % 4], &fitted(&surface), Box::new(keep))
            .unwrap_or_else(|error| panic!("{error}"));
        thread::sleep(Duration::from_millis(33));
    }
    assert!(surface.wait_idle(PATIENCE), "{:?}", surface.stats());
    assert_eq!(returned.try_iter().count(), 29);
    let (sender, ended) = mpsc::channel();
    display.on_lost(Box::new(move |error| drop(sender.send(error))));
    let killed = Instant::now();
    weston.kill();
    let error = ended.recv_timeout(PATIENCE).expect("the end is told");
    note(error);
    assert!(
        killed.elapsed() < Duration::from_secs(1),
        "{:?}",
        killed.elapsed()
    );
    assert_eq!(returned.recv_timeout(PATIENCE), Ok(29));
}
