//! drm-import with several cards, and with several displays on one card.

use std::fs::File;
use std::sync::{Arc, mpsc};
use std::thread;

use dmabuf_heap::{Fourcc, Frame};
use dmaheap_tests::census::Census;
use dmaheap_tests::pattern::{picture_of, quadrants};
use dmaheap_tests::picture::Picture;
use dmaheap_tests::scanout::{
    PATIENCE, Returned, SIZE, centred, display_state, frame, overlay_beside, plane_state, show,
    state_of, system,
};
use dmaheap_tests::vkms;
use dmaheap_tests::vkms_card::VkmsCard;
use drm_import::{Device, Output};

const FRAMES: usize = 20;

#[test]
fn two_cards_in_one_process_flip_by_themselves() {
    let second = VkmsCard::create("second", 1);
    let first = Device::open_first_connected().unwrap_or_else(|error| panic!("{error}"));
    let outputs = [
        build(&first),
        build(&Device::open(&second.card().node).unwrap_or_else(|error| panic!("{error}"))),
    ];
    assert_ne!(outputs[0].device(), outputs[1].device());
    flip_together(&outputs);
    drop(outputs);
}

#[test]
fn the_first_card_with_a_free_display_is_found_past_one_in_use() {
    let second = VkmsCard::create("second", 1);
    let first = Device::open_first_connected().unwrap_or_else(|error| panic!("{error}"));
    let _first = build(&first);
    let next = Device::open_first_connected().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(next.path(), second.card().node);
    let by_driver = Device::open_driver("vkms").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(by_driver.path(), second.card().node);
}

#[test]
fn a_card_is_one_device_however_often_it_is_opened() {
    let path = vkms::card().node;
    let device = Device::open(&path).unwrap_or_else(|error| panic!("{error}"));
    let before = Census::take();
    let again = Device::open(&path).unwrap_or_else(|error| panic!("{error}"));
    let by_driver = Device::open_driver("vkms").unwrap_or_else(|error| panic!("{error}"));
    assert!(Arc::ptr_eq(&device, &again) && Arc::ptr_eq(&device, &by_driver));
    assert_eq!(before.differences(&Census::take()), [""; 0]);
}

#[test]
fn a_descriptor_of_the_application_is_one_device_and_its_planes_are_left_alone() {
    let path = vkms::card().node;
    let file = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .expect("a card");
    let given = || Device::from_fd(file.try_clone().expect("dup").into());
    let device = given().unwrap_or_else(|error| panic!("{error}"));
    let again = given().unwrap_or_else(|error| panic!("{error}"));
    assert!(
        Arc::ptr_eq(&device, &again),
        "duplicates share their GEM handles"
    );
    assert_eq!(device.path(), path);

    let first = build(&device);
    let (heap, before) = (system(), display_state());
    let frame = frame(&*heap, Fourcc::XRGB8888);
    show(&first, &frame);
    assert!(first.wait_idle(PATIENCE));
    let primary = first.plane_id().expect("a plane was chosen");
    drop(first);
    assert_eq!(display_state(), before);
    let found = plane_state(primary);

    let overlay = overlay_beside(primary);
    let output = Output::builder(&device).plane_id(overlay).build();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    show(&output, &frame);
    assert!(output.wait_idle(PATIENCE));
    assert_eq!(
        plane_state(primary),
        found,
        "what the application shows on another plane stays"
    );
    assert_ne!(display_state(), before);
}

#[test]
fn a_dark_display_is_lit_by_the_first_frame_and_dark_again_afterwards() {
    let second = VkmsCard::create("second", 1);
    let device = Device::open(&second.card().node).unwrap_or_else(|error| panic!("{error}"));
    let before = state_of(second.card());
    assert!(!is_lit(&before), "nobody lights a second card: {before}");
    let output = build(&device);
    assert_eq!(
        state_of(second.card()),
        before,
        "nothing changes before the first frame"
    );
    let heap = system();
    show(&output, &frame(&*heap, Fourcc::XRGB8888));
    assert!(output.wait_idle(PATIENCE));
    assert!(is_lit(&state_of(second.card())));
    assert_shows_quadrants(&output);
    drop(output);
    assert!(!is_lit(&state_of(second.card())));
}

#[test]
fn two_displays_of_one_card_flip_by_themselves() {
    let wall = VkmsCard::create("wall", 2);
    let device = Device::open(&wall.card().node).unwrap_or_else(|error| panic!("{error}"));
    let outputs = [build(&device), build(&device)];
    assert_ne!(outputs[0].crtc_id(), outputs[1].crtc_id());
    flip_together(&outputs);
    assert_eq!(device.import_stats().live, 0, "all memory is gone");
}

#[test]
fn one_display_of_a_card_ends_and_the_other_goes_on() {
    let wall = VkmsCard::create("wall", 2);
    let device = Device::open(&wall.card().node).unwrap_or_else(|error| panic!("{error}"));
    let heap = system();
    let frame = frame(&*heap, Fourcc::XRGB8888);
    let [stays, goes] = [build(&device), build(&device)];
    show(&stays, &frame);
    show(&goes, &frame);
    drop(goes);
    for _ in 0..5 {
        show(&stays, &frame);
    }
    assert!(stays.wait_idle(PATIENCE));
    assert_shows_quadrants(&stays);
}

/// Whether a CRTC is on in what the kernel says.
fn is_lit(state: &str) -> bool {
    state.lines().any(|line| line.trim() == "active=1")
}

/// Flips on all outputs at once, each from a thread of its own, and looks at each screen.
fn flip_together(outputs: &[Output]) {
    let heap = system();
    thread::scope(|scope| {
        for output in outputs {
            scope.spawn(|| {
                let frames: Vec<Frame> = (0..3).map(|_| frame(&*heap, Fourcc::XRGB8888)).collect();
                let (returned, returns) = mpsc::channel();
                for number in 0..FRAMES {
                    let keep = Returned(number, returned.clone());
                    output
                        .show(&frames[number % 3], &centred(), Box::new(keep))
                        .unwrap_or_else(|error| panic!("{error}"));
                }
                assert!(output.wait_idle(PATIENCE));
                assert_eq!(
                    returns.try_iter().collect::<Vec<_>>(),
                    (0..FRAMES - 1).collect::<Vec<_>>(),
                    "each frame once, in order, but the one on screen"
                );
                assert_shows_quadrants(output);
                output.blank().unwrap_or_else(|error| panic!("{error}"));
            });
        }
    });
}

#[track_caller]
fn assert_shows_quadrants(output: &Output) {
    let screen = output
        .snapshot(&*system())
        .unwrap_or_else(|error| panic!("{error}"));
    let screen: Picture = picture_of(&screen);
    let difference = screen
        .crop(vkms::centred(SIZE.0, SIZE.1))
        .difference(&quadrants(SIZE.0, SIZE.1), &[]);
    assert!(difference.is_within(0, 0.0), "{difference:?}");
}

#[track_caller]
fn build(device: &Arc<Device>) -> Output {
    Output::builder(device)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}
