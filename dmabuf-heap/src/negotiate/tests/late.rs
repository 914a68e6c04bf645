//! Importers that come after the choice.

use std::sync::Arc;

use super::chosen;
use super::world::{Device, Taste, World};
use crate::{Constraints, CpuUse, Frame, Suspect, Verdict};

#[test]
fn a_late_importer_is_shown_the_frames_that_live() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    let live: Vec<Frame> = (0..3).map(|_| allocation.frame().unwrap()).collect();
    let display = Arc::new(world.display(Taste::All));
    assert_eq!(allocation.attach(display.clone(), &live), Verdict::Accepted);
    assert_eq!(display.probes(), 3);
    assert_eq!(world.asked("system"), 3);
    let again = Arc::new(world.display(Taste::All));
    assert_eq!(allocation.attach(again.clone(), &live), Verdict::Accepted);
    assert_eq!(again.probes(), 0, "it is remembered");
}

#[test]
fn without_live_frames_one_is_made_and_kept() {
    let world = World::usual();
    let allocation = world.negotiation(&[]).allocate().unwrap();
    let display = Arc::new(world.display(Taste::All));
    assert_eq!(allocation.attach(display.clone(), &[]), Verdict::Accepted);
    assert_eq!((display.probes(), world.asked("system")), (1, 1));
    allocation.frame().unwrap();
    assert_eq!(world.asked("system"), 1);
}

#[test]
fn a_late_refusal_is_recorded_and_a_new_negotiation_knows_it() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    let live = [allocation.frame().unwrap()];
    let display = Arc::new(world.display(Taste::Contiguous));
    let Verdict::Refused(refusal) = allocation.attach(display.clone(), &live) else {
        panic!("scattered memory was refused");
    };
    assert_eq!(refusal.suspect, Some(Suspect::Scattered));
    let story = allocation.explain();
    assert_eq!(story.late().len(), 1);
    assert_eq!(
        story.summary(),
        "system: display came late and refused (wants contiguous memory)"
    );

    let made = world.asked("system");
    let anew = world.negotiation(&[camera, display]).allocate().unwrap();
    assert_eq!(chosen(&anew), "cma");
    assert_eq!(world.asked("system"), made);
}

#[test]
fn a_late_importer_with_other_needs_is_refused_without_a_probe() {
    let world = World::usual();
    let allocation = world.negotiation(&[]).allocate().unwrap();
    let display = Arc::new(Device {
        needs: Constraints::of("display").stride_align(256),
        ..world.display(Taste::All)
    });
    let Verdict::Refused(refusal) = allocation.attach(display.clone(), &[]) else {
        panic!("a stride of 640 is no multiple of 256");
    };
    assert_eq!(display.probes(), 0);
    assert!(refusal.detail.contains("640"), "{refusal}");
}

#[test]
fn a_late_cpu_needs_memory_that_it_can_map() {
    let world = World::default();
    let mut closed = world.memory("closed", crate::Contiguity::Contiguous);
    closed.capabilities.mappable = false;
    world.register(closed);
    let allocation = world.negotiation(&[]).allocate().unwrap();
    let cpu = Arc::new(Device {
        needs: Constraints::of("the CPU").cpu(CpuUse::Read),
        ..world.display(Taste::All)
    });
    let verdict = allocation.attach(cpu, &[]);
    assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
}

#[test]
fn one_who_cannot_be_asked_is_taken_in() {
    let world = World::usual();
    let allocation = world.negotiation(&[]).allocate().unwrap();
    let camera = Arc::new(world.camera(Taste::Busy));
    assert!(matches!(
        allocation.attach(camera, &[]),
        Verdict::Unknown(_)
    ));
    assert_eq!(allocation.explain().late().len(), 1);
}

#[test]
fn who_comes_again_and_again_has_one_line_in_the_story() {
    let world = World::usual();
    let allocation = world.negotiation(&[]).allocate().unwrap();
    for _ in 0..5 {
        let display = Arc::new(world.display(Taste::Only("cma")));
        allocation.attach(display, &[]);
    }
    assert_eq!(allocation.explain().late().len(), 1);
}
