//! drm-import on vkms: frames of real heaps on a real plane, seen through the writeback connector.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use dmabuf_heap::{Fourcc, Frame, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::pattern::quadrants;
use dmaheap_tests::scanout::{
    BT601, PATIENCE, Returned, SIZE, centred, display_state, frame, output, overlay_beside, screen,
    show, system,
};
use dmaheap_tests::{vkms, wait};
use drm_import::{Device, Output, OutputEvent, Placement, Rect, ShowError};

#[test]
fn frames_of_each_format_and_heap_reach_the_screen() {
    let (registry, output) = (Registry::discover(), output());
    let cases = [
        (
            "system",
            &[
                Fourcc::XRGB8888,
                Fourcc::RGB565,
                Fourcc::NV12,
                Fourcc::YUV420,
                Fourcc::NV16,
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
            show(&output, &frame);
            assert!(
                output.wait_idle(PATIENCE),
                "{fourcc} in {} never came",
                heap.name()
            );
            let screen = screen(&output, &*heap);
            let place = vkms::centred(SIZE.0, SIZE.1);
            let difference = screen
                .crop(place)
                .difference(&quadrants(SIZE.0, SIZE.1), &[]);
            assert!(
                difference.is_within(3, 1.0),
                "{fourcc} in {}: {difference:?}",
                heap.name()
            );
            assert!(
                screen.is_black_outside(place),
                "{fourcc} in {}: something beside the picture",
                heap.name()
            );
        }
    }
}

#[test]
fn a_cropped_frame_shows_the_part_that_was_asked_for() {
    let (heap, output) = (system(), output());
    let frame = frame(&*heap, Fourcc::NV12);
    let lower_right = Rect::new(SIZE.0 / 2, SIZE.1 / 2, 64, 32);
    let placement = Placement {
        source: lower_right,
        dest: Rect::new(10, 20, 64, 32),
        color: Some(BT601),
    };
    output
        .show(&frame, &placement, Box::new(()))
        .expect("vkms crops");
    assert!(output.wait_idle(PATIENCE));
    let screen = screen(&output, &*heap);
    assert_eq!(
        [screen.pixel(10, 20), screen.pixel(73, 51)],
        [[255; 3]; 2],
        "the white quadrant"
    );
    assert_eq!([screen.pixel(9, 20), screen.pixel(74, 51)], [[0; 3]; 2]);
}

#[test]
fn a_frame_is_imported_once_and_forgotten_with_its_memory() {
    let (heap, output) = (system(), output());
    let device = Arc::clone(output.device());
    let before = vkms::card().framebuffers();
    let frames: Vec<Frame> = (0..3).map(|_| frame(&*heap, Fourcc::NV12)).collect();
    for frame in frames.iter().cycle().take(30) {
        show(&output, frame);
    }
    assert!(output.wait_idle(PATIENCE));
    let stats = device.import_stats();
    assert_eq!((stats.imports, stats.cache_hits, stats.live), (3, 27, 3));
    assert_eq!(vkms::card().framebuffers().len(), before.len() + 3);

    output.blank().expect("vkms can be blank");
    drop(frames);
    assert_eq!(device.import_stats().live, 0);
    // The commit that took the last one off the screen holds it until the kernel's worker has cleaned up.
    let is_as_before = || (vkms::card().framebuffers() == before).then_some(());
    assert!(
        wait::until(PATIENCE, is_as_before).is_some(),
        "{:?}",
        vkms::card().framebuffers()
    );
}

#[test]
fn a_frame_is_given_back_when_the_next_one_is_on_screen_and_not_before() {
    let (heap, output) = (system(), output());
    let (returned, returns) = mpsc::channel();
    let frames: Vec<Frame> = (0..4).map(|_| frame(&*heap, Fourcc::XRGB8888)).collect();
    for (number, frame) in frames.iter().enumerate() {
        let keep = Returned(number, returned.clone());
        output
            .show(frame, &centred(), Box::new(keep))
            .expect("the frame is taken");
    }
    assert!(output.wait_idle(PATIENCE));
    assert_eq!(
        returns.try_iter().collect::<Vec<_>>(),
        [0, 1, 2],
        "the last one is on screen"
    );
    assert_eq!(output.stats().flips, 4, "every frame was shown");
    output.blank().expect("vkms can be blank");
    assert_eq!(returns.try_iter().collect::<Vec<_>>(), [3]);
}

#[test]
fn flushing_frees_a_show_that_waits_and_refuses_the_next() {
    let (heap, output) = (system(), output());
    let frame = frame(&*heap, Fourcc::XRGB8888);
    let shown = AtomicUsize::new(0);
    thread::scope(|scope| {
        let producer = scope.spawn(|| {
            loop {
                match output.show(&frame, &centred(), Box::new(())) {
                    Ok(()) => shown.fetch_add(1, Ordering::Relaxed),
                    Err(error) => break error,
                };
            }
        });
        assert!(
            wait::until(PATIENCE, || (shown.load(Ordering::Relaxed) > 5)
                .then_some(()))
            .is_some()
        );
        output.set_flushing(true);
        let error = producer.join().expect("no panic");
        assert!(matches!(error, ShowError::Flushing), "{error}");
    });
    output.set_flushing(false);
    show(&output, &frame);
}

#[test]
fn snapshots_amid_flips_neither_stop_nor_lose_a_frame() {
    const FRAMES: usize = 60;
    let (heap, output) = (system(), output());
    let frames: Vec<Frame> = (0..3).map(|_| frame(&*heap, Fourcc::XRGB8888)).collect();
    let (returned, returns) = mpsc::channel();
    show(&output, &frames[2]);
    thread::scope(|scope| {
        let camera = scope.spawn(|| (0..3).map(|_| screen(&output, &*heap)).collect::<Vec<_>>());
        for number in 0..FRAMES {
            let keep = Returned(number, returned.clone());
            output
                .show(&frames[number % 3], &centred(), Box::new(keep))
                .expect("the frame is taken");
        }
        for screen in camera.join().expect("no panic") {
            let difference = screen
                .crop(vkms::centred(SIZE.0, SIZE.1))
                .difference(&quadrants(SIZE.0, SIZE.1), &[]);
            assert!(difference.is_within(0, 0.0), "{difference:?}");
        }
    });
    assert!(output.wait_idle(PATIENCE));
    assert_eq!(
        returns.try_iter().collect::<Vec<_>>(),
        (0..FRAMES - 1).collect::<Vec<_>>()
    );
}

#[test]
fn events_tell_of_every_frame_with_rising_times() {
    let (heap, output) = (system(), output());
    let (event, events) = mpsc::channel();
    output.on_event(Box::new(move |happened| {
        // The receiver may be gone when the test has ended.
        let _ended = event.send(happened);
    }));
    let frame = frame(&*heap, Fourcc::XRGB8888);
    for _ in 0..10 {
        show(&output, &frame);
    }
    let times: Vec<Duration> = (0..10)
        .map(|number| match events.recv_timeout(PATIENCE) {
            Ok(OutputEvent::Shown { time, .. }) => time,
            other => panic!("instead of flip {number}: {other:?}"),
        })
        .collect();
    assert!(times.is_sorted_by(|a, b| a < b), "{times:?}");
}

#[test]
fn nothing_is_left_and_the_screen_is_as_before() {
    let heap = system();
    drop(output());
    let (before, state) = (Census::take(), display_state());
    {
        let output = output();
        let frames: Vec<Frame> = (0..3).map(|_| frame(&*heap, Fourcc::NV12)).collect();
        for frame in &frames {
            show(&output, frame);
        }
        screen(&output, &*heap);
        assert_ne!(display_state(), state, "the test shows something");
    }
    assert_eq!(display_state(), state);
    before.expect_restored("an output was dropped");
}

#[test]
fn an_overlay_that_the_user_names_is_used() {
    let (heap, first) = (system(), output());
    let frame = frame(&*heap, Fourcc::NV12);
    show(&first, &frame);
    let primary = first.plane_id().expect("a plane was chosen");
    drop(first);

    let overlay = overlay_beside(primary);
    let device = Device::open_driver("vkms").unwrap_or_else(|error| panic!("{error}"));
    let output = Output::builder(&device)
        .plane_id(overlay)
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    show(&output, &frame);
    assert!(output.wait_idle(PATIENCE));
    assert_eq!(output.plane_id(), Some(overlay));
    let screen = screen(&output, &*heap);
    let difference = screen
        .crop(vkms::centred(SIZE.0, SIZE.1))
        .difference(&quadrants(SIZE.0, SIZE.1), &[]);
    assert!(difference.is_within(3, 1.0), "{difference:?}");
}
