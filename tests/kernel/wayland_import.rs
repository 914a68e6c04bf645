//! wayland-import on an unmodified compositor: frames of real heaps in a window, seen by the compositor's own screenshot.

use std::time::Instant;

use dmabuf_heap::{Fourcc, FrameSpec, Importer, Registry, Verdict};
use dmaheap_tests::note;
use dmaheap_tests::pattern::quadrants;
use dmaheap_tests::picture::{Picture, Rect as Area};
use dmaheap_tests::scanout::{PATIENCE, SIZE, WHOLE, frame, system};
use dmaheap_tests::weston::{Renderer, Weston};
use dmaheap_tests::window::{connect, fitted, show, window};
use wayland_import::{Placement, Rect, SurfaceImporter};

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
