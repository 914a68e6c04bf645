//! Windows, places, colours, and copies.

use dmabuf_heap::{Fourcc, FrameLayout};
use wayland_import::{
    ChromaSiting, Orientation, Placement, Rect, ShowError, Surface, SurfaceEvent, YuvColor,
    YuvEncoding, YuvRange,
};

use crate::fake::{Config, Fake, Seen, frame};
use crate::{event, is_shown, placement, show, window, xrgb};

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
fn a_turn_comes_with_a_buffer_and_lasts() {
    let (fake, display) = Fake::connected(Config::default());
    let (surface, events) = window(&display);
    let frames = xrgb(2);
    let turned = |transform| {
        move |seen: &Seen| {
            let has_buffer = true;
            *seen
                == Seen::Turned {
                    transform,
                    has_buffer,
                }
        }
    };
    let place = |orientation: Orientation| {
        surface.set_orientation(orientation);
        orientation.fitted(Rect::new(0, 0, 64, 32), (1, 1), surface.area())
    };
    show(&surface, &frames[0]);
    fake.wait_for(1, turned(0));
    event(&events, |event| matches!(event, SurfaceEvent::Shown { .. }));
    // While no frames come.
    surface.rearrange(&place(Orientation::Rotate90)).unwrap();
    fake.wait_for(1, turned(1));
    fake.wait_for(1, |seen| *seen == Seen::Source(0.0, 0.0, 32.0, 64.0));
    let placement = place(Orientation::FlipHorizontal);
    surface.show(&frames[1], &placement, Box::new(())).unwrap();
    fake.wait_for(1, turned(4));
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
    let mut fill = |plane, row, bytes: &mut [u8]| rows.push((plane, row, bytes.len()));
    let cost = surface
        .show_rows(frame.layout(), &placement(&surface), &mut fill)
        .unwrap();
    assert_eq!(cost.bytes, 64 * 4 * 32);
    assert_eq!(rows, (0..32).map(|row| (0, row, 256)).collect::<Vec<_>>());
    fake.wait_for(1, is_shown);
    let stats = surface.stats();
    assert_eq!((stats.copies, stats.copied_bytes), (1, 8192));
    let yuv = self::frame(Fourcc::YUV420, 64, 32);
    let error = surface.show_copy(&yuv, &placement(&surface)).unwrap_err();
    assert!(
        error.to_string().contains("YU12") && error.to_string().contains("XR24"),
        "{error}"
    );
}

#[test]
fn every_plane_of_a_copy_is_filled_and_its_chroma_has_whole_rows() {
    let (fake, display) = Fake::connected(Config {
        dmabuf_version: 0,
        ..Config::default()
    });
    let (surface, _events) = window(&display);
    let mut filled = Vec::new();
    let mut show = |width, height| {
        let layout = FrameLayout::linear(Fourcc::NV12, width, height, 1).unwrap();
        let mut fill = |plane, row, bytes: &mut [u8]| filled.push((plane, row, bytes.len()));
        surface.show_rows(&layout, &placement(&surface), &mut fill)
    };
    let error = show(65, 33).unwrap_err();
    assert!(matches!(error, ShowError::ShmSize { .. }), "{error}");
    assert_eq!(show(64, 32).unwrap().bytes, 64 * 32 + 64 * 16);
    let luma = (0..32).map(|row| (0, row, 64));
    let chroma = (0..16).map(|row| (1, row, 64));
    assert_eq!(filled, luma.chain(chroma).collect::<Vec<_>>());
    fake.wait_for(1, is_shown);
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
