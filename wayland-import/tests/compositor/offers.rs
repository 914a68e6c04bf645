//! What a compositor offers, and how it says so.

use dmabuf_heap::{Format, Fourcc, FrameSpec, Importer, Modifier};
use wayland_import::{
    Clock, ImportError, ShowError, SurfaceImporter, YuvColor, YuvEncoding, YuvRange,
};

use crate::fake::{Config, Fake, Table};
use crate::{eventually, placement, window, xrgb};

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
fn outputs_are_told_with_their_names_and_the_mode_that_they_are_in() {
    let (_fake, display) = Fake::connected(Config::default());
    let monitors = display.monitors();
    let [monitor] = &monitors[..] else {
        panic!("one output: {monitors:?}");
    };
    assert_eq!(monitor.name, "FAKE-1");
    assert_eq!(monitor.description, "An output of a test");
    assert_eq!(
        (monitor.size, monitor.refresh_millihertz),
        ((640, 480), 60_000)
    );
}
