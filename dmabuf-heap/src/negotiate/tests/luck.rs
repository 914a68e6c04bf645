//! Memory that some frames of which were taken because their pages happened to lie well.

use std::sync::Arc;

use super::chosen;
use super::world::{Device, Taste, World};
use crate::{AllocateError, Allocation, Contiguity, Outcome, Reach, Verdict};

/// Scattered and contiguous memory, and nothing to tell luck by.
fn without_proof() -> World {
    let world = World::default();
    world.add("system", Contiguity::Scattered);
    world.add("cma", Contiguity::Contiguous);
    world
}

fn frames(allocation: &Allocation, count: usize) {
    for _ in 0..count {
        allocation.frame().unwrap();
    }
}

#[test]
fn a_frame_in_pieces_tells_a_writer_that_was_lucky() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Lucky(10)));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "cma");
    assert!(allocation.is_certain());
    assert_eq!(camera.probes(), 3, "system, a frame in pieces, cma");
    let story = allocation.explain();
    assert!(
        story.summary().contains("wants contiguous memory"),
        "{story}"
    );
    let detail = &story
        .answer("camera", "system")
        .unwrap()
        .refusal()
        .unwrap()
        .detail;
    assert!(detail.contains("pages cannot lie side by side"), "{detail}");
}

#[test]
fn a_writer_that_takes_a_frame_in_pieces_sees_one_of_the_memory() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    assert_eq!((world.asked("system"), camera.probes()), (1, 2));
    assert!(allocation.is_certain());
    frames(&allocation, 5);
    assert_eq!(camera.probes(), 2);
    assert_eq!(
        world.asked("udmabuf"),
        0,
        "what nobody gets is not accounted"
    );

    let mut larger = crate::Negotiation::new(
        &world.registry,
        crate::FrameSpec::new(crate::Fourcc::NV12, 1280, 720),
    );
    larger.attach(camera.clone());
    assert!(larger.allocate().unwrap().is_certain());
    assert_eq!(camera.probes(), 3, "the proof holds for all sizes");
}

#[test]
fn without_proof_a_writer_sees_every_frame_and_a_reader_two() {
    let world = without_proof();
    let camera = Arc::new(world.camera(Taste::All));
    let display = Arc::new(world.display(Taste::All));
    for round in 1..=2 {
        let allocation = world.negotiation([&camera, &display]).allocate().unwrap();
        assert!(!allocation.is_certain());
        frames(&allocation, 5);
        assert_eq!((camera.probes(), display.probes()), (5 * round, 2));
    }
    let known = world.registry.verdicts();
    assert!(
        known.iter().all(|it| Some(it.device) == display.key),
        "{known:?}"
    );
}

#[test]
fn a_later_frame_that_is_refused_comes_from_memory_that_is_taken() {
    let world = without_proof();
    let camera = Arc::new(world.camera(Taste::Lucky(3)));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    frames(&allocation, 3);
    assert_eq!(world.asked("cma"), 0);
    frames(&allocation, 2);
    assert_eq!(world.asked("cma"), 2);
    let story = allocation.explain();
    assert_eq!(
        story.summary(),
        "system: later frames were refused 2 times, cma helped out"
    );
    assert!(
        story
            .to_string()
            .contains("later frames were refused 2 times, at last so:")
    );
}

#[test]
fn what_was_perhaps_luck_is_not_relied_on_while_frames_are_streaming() {
    let world = without_proof();
    let camera = Arc::new(world.camera(Taste::Lucky(10)));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    frames(&allocation, 4);
    camera.stream();
    let error = allocation.frame().unwrap_err();
    assert!(matches!(error, AllocateError::Doubtful { .. }), "{error}");
    assert!(!error.is_shortage());
    let text = error.to_string();
    for part in [
        "system: not accepted by all",
        "it is streaming",
        "cma: not accepted by all",
        "make all frames before",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn a_proof_about_pieces_says_nothing_about_addresses() {
    let world = World::usual();
    let camera = Arc::new(Device {
        reach: Reach::Unknown,
        ..world.camera(Taste::All)
    });
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "system");
    assert!(!allocation.is_certain());
    frames(&allocation, 3);
    assert_eq!(camera.probes(), 4, "three frames and one in pieces");
    world.negotiation([&camera]).allocate().unwrap();
    assert_eq!(camera.probes(), 7, "nothing is remembered");
}

#[test]
fn memory_that_may_be_in_one_piece_is_not_refused_for_other_that_is_not() {
    let world = World::default();
    world.add("mystery", Contiguity::Unknown);
    let udmabuf = world.memory("udmabuf", Contiguity::Scattered);
    udmabuf.left.store(0, std::sync::atomic::Ordering::Relaxed);
    world.register(udmabuf);
    let camera = Arc::new(world.camera(Taste::Lucky(10)));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "mystery");
    assert!(!allocation.is_certain());
}

#[test]
fn who_could_not_be_asked_was_not_lucky() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Busy));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    frames(&allocation, 3);
    assert!(allocation.is_certain(), "no luck that could end");
    let story = allocation.explain();
    let step = &story.steps()[0];
    assert!(matches!(step.outcome, Outcome::Chosen));
    assert!(matches!(step.answers[0].verdict, Verdict::Unknown(_)));
}

#[test]
fn a_writer_that_comes_late_sees_every_frame_from_then_on() {
    let world = without_proof();
    let allocation = world.negotiation(&[]).allocate().unwrap();
    let converter = Arc::new(world.camera(Taste::All));
    assert_eq!(allocation.attach(converter.clone(), &[]), Verdict::Accepted);
    assert!(!allocation.is_certain());
    frames(&allocation, 3);
    assert_eq!(converter.probes(), 3);
}
