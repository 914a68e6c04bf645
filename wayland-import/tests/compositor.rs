//! Surfaces against a compositor of the test's own: what is sent when, what is given back when, and what ends how.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod fake;

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use dmabuf_heap::{Format, Fourcc, Frame, FrameSpec, Importer, Modifier, Verdict};
use fake::{Config, Fake, Import, PATIENCE, Seen, Table, frame};
use wayland_import::{
    ChromaSiting, Clock, ConnectError, Display, ImportError, LostError, Placement, Rect, ShowError,
    Surface, SurfaceEvent, SurfaceImporter, Unshown, YuvColor, YuvEncoding, YuvRange,
};

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

#[test]
fn every_version_of_linux_dmabuf_tells_the_same_formats() {
    for dmabuf_version in 3..=5 {
        let (_fake, display) = Fake::connected(Config {
            dmabuf_version,
            ..Config::default()
        });
        let expected = Config::default().formats.into_iter().collect();
        assert_eq!(display.formats(), expected, "version {dmabuf_version}");
        assert_eq!(display.offers().dmabuf_version, Some(dmabuf_version));
    }
}

#[test]
fn a_version_without_modifiers_is_none() {
    let (_fake, display) = Fake::connected(Config {
        dmabuf_version: 2,
        ..Config::default()
    });
    assert!(display.formats().is_empty());
    let offers = display.offers();
    assert_eq!(
        (offers.dmabuf_version, offers.dmabuf_announced),
        (None, Some(2))
    );
    let importer = SurfaceImporter::new(&display);
    let refusal = importer
        .constraints(&FrameSpec::new(Fourcc::XRGB8888, 64, 32))
        .unwrap_err();
    assert!(refusal.to_string().contains("wl_shm"), "{refusal}");
}

#[test]
fn feedback_sent_again_without_its_table_is_understood() {
    let (fake, display) = Fake::connected(Config::default());
    fake.feedback_again(&[1]);
    let nv12 = [Format::linear(Fourcc::NV12)].into_iter().collect();
    eventually("the new formats", || display.formats() == nv12);
}

#[test]
fn tables_that_are_garbage_hurt_nobody() {
    for table in [Table::Short, Table::Garbage] {
        let (_fake, display) = Fake::connected(Config {
            table,
            ..Config::default()
        });
        assert!(display.formats().is_empty());
        let (surface, _events) = window(&display);
        let error = surface.test(&xrgb(1)[0], &placement(&surface)).unwrap_err();
        let ShowError::Import(error) = error else {
            panic!("{error}");
        };
        assert!(matches!(*error, ImportError::Format { .. }), "{error}");
    }
}

#[test]
fn what_the_compositor_offers_is_told() {
    let (_fake, display) = Fake::connected(Config {
        clock: Some(4),
        ..Config::default()
    });
    let offers = display.offers();
    assert_eq!(offers.presentation_clock, Some(Clock::MONOTONIC_RAW));
    assert!(offers.has_viewporter);
    assert!(
        offers
            .shm_formats
            .contains(Format::linear(Fourcc::XRGB8888))
    );
    assert!(
        offers
            .yuv
            .knows(YuvColor::new(YuvEncoding::Bt601, YuvRange::Limited))
    );
}

#[test]
fn the_first_frame_of_a_kind_is_asked_for_and_the_next_are_trusted() {
    let (fake, display) = Fake::connected(Config::default());
    let (surface, events) = window(&display);
    for (index, frame) in xrgb(3).iter().enumerate() {
        let (number, _kept) = show(&surface, frame);
        event(
            &events,
            |event| matches!(event, SurfaceEvent::Shown { frame, .. } if *frame == number),
        );
        assert_eq!(fake.count(|seen| *seen == Seen::Asked), 1);
        assert_eq!(fake.count(|seen| *seen == Seen::Trusted), index);
    }
    let stats = display.import_stats();
    assert_eq!((stats.asked, stats.trusted), (1, 2));
}

#[test]
fn a_frame_that_comes_again_is_not_imported_again() {
    let (fake, display) = Fake::connected(Config::default());
    let (surface, events) = window(&display);
    let frames = xrgb(3);
    for index in 0..30 {
        let (number, _kept) = show(&surface, &frames[index % 3]);
        event(
            &events,
            |event| matches!(event, SurfaceEvent::Shown { frame, .. } if *frame == number),
        );
    }
    assert_eq!(
        fake.count(|seen| matches!(seen, Seen::Asked | Seen::Trusted)),
        3
    );
    assert_eq!(display.import_stats().cache_hits, 27);
    assert!(surface.stats().held_peak <= 3);
}

#[test]
fn a_buffer_goes_when_its_memory_is_closed_and_released() {
    let (fake, display) = Fake::connected(Config::default());
    let (surface, events) = window(&display);
    let mut frames = xrgb(2);
    for frame in &frames {
        let (number, _kept) = show(&surface, frame);
        event(
            &events,
            |event| matches!(event, SurfaceEvent::Shown { frame, .. } if *frame == number),
        );
    }
    eventually("the first frame comes back", || {
        surface.stats().released == 1
    });
    frames.remove(0);
    fake.wait_for(1, |seen| *seen == Seen::BufferDestroyed);
    assert_eq!(display.import_stats().live, 1);
}

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
        assert!(
            kept.upgrade().is_none(),
            "frame {number} is given back at once"
        );
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
    assert_eq!(
        kept.iter().filter(|kept| kept.upgrade().is_some()).count(),
        3
    );
    assert!(!surface.wait_idle(Duration::from_millis(20)));
    fake.release_everything();
    assert!(surface.wait_idle(PATIENCE));
    assert_eq!(
        kept.iter().filter(|kept| kept.upgrade().is_some()).count(),
        1
    );
}

#[test]
fn a_refusal_is_told_and_remembered() {
    let (_fake, display) = Fake::connected(Config {
        import: Import::Failed,
        ..Config::default()
    });
    let (surface, events) = window(&display);
    let frame = &xrgb(1)[0];
    let (number, kept) = show(&surface, frame);
    let refused = event(&events, |event| {
        matches!(event, SurfaceEvent::Refused { .. })
    });
    let SurfaceEvent::Refused { key, error } = refused else {
        unreachable!();
    };
    assert_eq!(key, *frame.key());
    assert!(
        error.to_string().contains("XR24 64x32") && error.to_string().contains("stride 256"),
        "{error}"
    );
    event(
        &events,
        |event| matches!(event, SurfaceEvent::Unshown { frame, why: Unshown::Refused } if *frame == number),
    );
    eventually("the frame comes back", || kept.upgrade().is_none());
    let (keep, _kept) = keep();
    let again = surface.show(frame, &placement(&surface), keep).unwrap_err();
    assert!(matches!(again, ShowError::Import(_)), "{again}");
    assert_eq!(display.import_stats().asked, 1);
}

#[test]
fn an_importer_says_what_the_compositor_answered() {
    let (fake, display) = Fake::connected(Config::default());
    let importer = SurfaceImporter::new(&display);
    let frames = xrgb(3);
    assert_eq!(importer.probe(&frames[0]), Verdict::Accepted);
    fake.set_import(Import::Failed);
    let other = frame(Fourcc::NV12, 64, 32);
    let verdict = importer.probe(&other);
    assert!(
        matches!(&verdict, Verdict::Refused(refusal) if refusal.to_string().contains("NV12")),
        "{verdict:?}"
    );
    fake.set_import(Import::Unanswered);
    let verdict = importer.probe(&frame(Fourcc::XRGB8888, 128, 32));
    assert!(
        matches!(&verdict, Verdict::Unknown(why) if why.to_string().contains("busy")),
        "{verdict:?}"
    );
    fake.die();
    eventually("the end", || display.lost().is_some());
    assert!(matches!(importer.probe(&frames[1]), Verdict::Unknown(_)));
    drop(display);
    assert!(matches!(importer.probe(&frames[1]), Verdict::Unknown(_)));
}

#[test]
fn constraints_are_the_modifiers_that_are_listed() {
    let tiled = Modifier(0x0100_0000_0000_0002);
    let (_fake, display) = Fake::connected(Config {
        formats: vec![
            Format::linear(Fourcc::NV12),
            Format {
                fourcc: Fourcc::NV12,
                modifier: tiled,
            },
        ],
        ..Config::default()
    });
    let importer = SurfaceImporter::new(&display);
    let constraints = importer
        .constraints(&FrameSpec::new(Fourcc::NV12, 64, 32))
        .unwrap();
    let modifiers = constraints.needs().modifiers.clone().unwrap();
    assert_eq!(*modifiers, [Modifier::LINEAR, tiled]);
    assert_eq!(constraints.needs().min_buffers, 3);
    let implicit = FrameSpec {
        modifier: Modifier::INVALID,
        ..FrameSpec::new(Fourcc::NV12, 64, 32)
    };
    assert!(
        importer.constraints(&implicit).is_err(),
        "implicit is taken only where it is listed"
    );
}

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
    let start = Instant::now();
    fake.die();
    let lost = event(&events, |event| matches!(event, SurfaceEvent::Lost(_)));
    assert!(start.elapsed() < Duration::from_secs(1));
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
        let error = heard
            .recv_timeout(Duration::from_secs(1))
            .expect("within a second");
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
fn frames_are_scaled_into_the_window_and_follow_its_size() {
    let (fake, display) = Fake::connected(Config::default());
    let (surface, events) = window(&display);
    let frame = &xrgb(1)[0];
    show(&surface, frame);
    fake.wait_for(1, |seen| *seen == Seen::Destination(64, 32));
    fake.configure(200, 200);
    let resized = event(&events, |event| {
        matches!(event, SurfaceEvent::Resized { .. })
    });
    assert!(matches!(
        resized,
        SurfaceEvent::Resized {
            width: 200,
            height: 200
        }
    ));
    assert_eq!(surface.area(), Rect::new(0, 0, 200, 200));
    surface.rearrange(&placement(&surface)).unwrap();
    fake.wait_for(1, |seen| *seen == Seen::Destination(200, 100));
    fake.wait_for(1, |seen| *seen == Seen::Position(0, 50));
    assert_eq!(
        surface.stats().commits,
        1,
        "the frame itself is not sent again"
    );
}

#[test]
fn without_a_viewporter_scaling_is_an_error_that_says_so() {
    let (_fake, display) = Fake::connected(Config {
        has_viewporter: false,
        ..Config::default()
    });
    let (surface, _events) = window(&display);
    let frame = &xrgb(1)[0];
    show(&surface, frame);
    let scaled = Placement {
        dest: Rect::new(0, 0, 32, 16),
        ..placement(&surface)
    };
    let error = surface.show(frame, &scaled, Box::new(())).unwrap_err();
    assert!(error.to_string().contains("wp_viewporter"), "{error}");
}

#[test]
fn colours_are_told_where_they_can_be_and_forgotten_for_rgb() {
    let (fake, display) = Fake::connected(Config {
        // BT.709 limited.
        colors: vec![(2, 2)],
        ..Config::default()
    });
    let (surface, events) = window(&display);
    let color = YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited).sited(ChromaSiting::Left);
    let placement = placement(&surface).with_color(color);
    let yuv = frame(Fourcc::NV12, 64, 32);
    surface.show(&yuv, &placement, Box::new(())).unwrap();
    fake.wait_for(1, |seen| {
        *seen
            == Seen::Color {
                coefficients: 2,
                range: 2,
            }
    });
    fake.wait_for(1, |seen| *seen == Seen::ChromaLocation(1));
    event(&events, |event| matches!(event, SurfaceEvent::Shown { .. }));
    surface.show(&xrgb(1)[0], &placement, Box::new(())).unwrap();
    fake.wait_for(1, |seen| *seen == Seen::ColorForgotten);
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
fn without_linux_dmabuf_a_copy_is_shown_and_counted() {
    let (fake, display) = Fake::connected(Config {
        dmabuf_version: 0,
        ..Config::default()
    });
    let (surface, _events) = window(&display);
    let frame = &xrgb(1)[0];
    let error = surface
        .show(frame, &placement(&surface), Box::new(()))
        .unwrap_err();
    assert!(error.to_string().contains("zwp_linux_dmabuf_v1"), "{error}");
    let mut rows = Vec::new();
    let mut fill = |row, bytes: &mut [u8]| rows.push((row, bytes.len()));
    let cost = surface
        .show_rows(frame.layout(), &placement(&surface), &mut fill)
        .unwrap();
    assert_eq!(cost.bytes, 64 * 4 * 32);
    assert_eq!(rows, (0..32).map(|row| (row, 256)).collect::<Vec<_>>());
    fake.wait_for(1, is_shown);
    let stats = surface.stats();
    assert_eq!((stats.copies, stats.copied_bytes), (1, 8192));
    let yuv = self::frame(Fourcc::NV12, 64, 32);
    let error = surface.show_copy(&yuv, &placement(&surface)).unwrap_err();
    assert!(
        error.to_string().contains("NV12") && error.to_string().contains("XR24"),
        "{error}"
    );
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
    assert!(waiting.upgrade().is_none());
    let error = surface
        .show(&frames[1], &placement(&surface), Box::new(()))
        .unwrap_err();
    assert!(matches!(error, ShowError::Flushing), "{error}");
    surface.set_flushing(false);
    show(&surface, &frames[1]);
}

#[test]
fn a_window_that_shall_close_says_so_and_stays() {
    let (fake, display) = Fake::connected(Config::default());
    let (surface, events) = window(&display);
    fake.close_window();
    event(&events, |event| matches!(event, SurfaceEvent::Closed));
    show(&surface, &xrgb(1)[0]);
}

#[test]
fn a_compositor_without_windows_is_named() {
    let (_fake, display) = Fake::connected(Config {
        has_windows: false,
        ..Config::default()
    });
    let error = Surface::builder(&display).build().unwrap_err();
    assert!(error.to_string().contains("xdg_wm_base"), "{error}");
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
