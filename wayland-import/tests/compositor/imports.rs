//! Frames on their way to become buffers.

use dmabuf_heap::{Fourcc, Importer, Verdict};
use wayland_import::{ShowError, SurfaceEvent, SurfaceImporter, Unshown};

use crate::fake::{Config, Fake, Import, Seen, frame};
use crate::{event, eventually, keep, placement, show, window, xrgb};

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
