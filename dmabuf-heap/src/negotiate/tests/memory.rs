//! What is remembered from one negotiation to the next.

use std::sync::Arc;

use super::chosen;
use super::world::{Device, Taste, World};
use crate::{Contiguity, DeviceKey, Role};

#[test]
fn who_was_asked_once_is_not_asked_again() {
    let world = World::usual();
    let importers = [
        Arc::new(world.camera(Taste::All)),
        Arc::new(world.display(Taste::All)),
    ];
    world.negotiation(&importers).allocate().unwrap();
    let allocation = world.negotiation(&importers).allocate().unwrap();
    assert_eq!(
        importers.each_ref().map(|importer| importer.probes()),
        [2, 2]
    );
    assert_eq!(
        world.asked("system"),
        3,
        "one frame is enough when all are known"
    );
    assert!(
        allocation.explain().steps()[0]
            .answers
            .iter()
            .all(|it| it.remembered)
    );
}

#[test]
fn memory_that_is_known_to_be_refused_is_not_even_made() {
    let world = World::usual();
    let camera = [Arc::new(world.camera(Taste::Contiguous))];
    world.negotiation(&camera).allocate().unwrap();
    assert_eq!((world.asked("system"), camera[0].probes()), (1, 2));
    let allocation = world.negotiation(&camera).allocate().unwrap();
    assert_eq!(chosen(&allocation), "cma");
    assert_eq!((world.asked("system"), camera[0].probes()), (1, 2));
}

#[test]
fn a_refusal_of_another_size_makes_contiguous_memory_go_first() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Contiguous));
    world.negotiation([&camera]).allocate().unwrap();
    let mut larger = crate::Negotiation::new(
        &world.registry,
        crate::FrameSpec::new(crate::Fourcc::NV12, 1280, 720),
    );
    larger.attach(camera);
    let allocation = larger.allocate().unwrap();
    assert_eq!(super::looked_at(&allocation.explain()), ["cma"]);
}

#[test]
fn a_forgotten_device_is_asked_again() {
    let world = World::usual();
    let importers = [
        Arc::new(world.camera(Taste::All)),
        Arc::new(world.display(Taste::All)),
    ];
    world.negotiation(&importers).allocate().unwrap();
    world.registry.forget(importers[0].key.unwrap());
    world.negotiation(&importers).allocate().unwrap();
    assert_eq!(
        importers.each_ref().map(|importer| importer.probes()),
        [4, 2]
    );
}

#[test]
fn a_device_that_was_plugged_again_is_another_one() {
    let world = World::usual();
    let plugged = |inode| {
        Arc::new(Device {
            key: Some(DeviceKey::stand_in(81 << 8, inode)),
            ..world.camera(Taste::All)
        })
    };
    world.negotiation(&[plugged(1)]).allocate().unwrap();
    let again = plugged(2);
    world.negotiation([&again]).allocate().unwrap();
    assert_eq!(again.probes(), 2);
    let known = world.registry.verdicts();
    assert!(
        known.iter().all(|it| Some(it.device) == again.key),
        "{known:?}"
    );
}

#[test]
fn shortage_and_silence_are_asked_about_each_time() {
    let world = World::usual();
    let short = [Arc::new(world.camera(Taste::Short))];
    for _ in 0..2 {
        world.negotiation(&short).allocate().unwrap_err();
    }
    assert_eq!(short[0].probes(), 6);
    let busy = [Arc::new(world.display(Taste::Busy))];
    for _ in 0..2 {
        world.negotiation(&busy).allocate().unwrap();
    }
    assert_eq!(busy[0].probes(), 4);
    assert!(world.registry.verdicts().is_empty());
}

#[test]
fn one_acceptance_of_scattered_memory_is_not_remembered() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Contiguous));
    let display = Arc::new(world.display(Taste::All));
    world.negotiation([&camera, &display]).allocate().unwrap();
    let of_display = |name: &str| {
        let known = world.registry.verdicts().into_iter();
        known
            .filter(|it| Some(it.device) == display.key && it.allocator == name)
            .count()
    };
    assert_eq!((of_display("system"), of_display("cma")), (0, 1));
}

#[test]
fn an_importer_without_a_key_is_asked_each_time() {
    let world = World::usual();
    let converter = Arc::new(Device {
        key: None,
        ..world.device("converter", Role::Reads, 3, Taste::All)
    });
    for _ in 0..2 {
        world.negotiation([&converter]).allocate().unwrap();
    }
    assert_eq!(converter.probes(), 4);
}

#[test]
fn a_name_that_goes_to_another_allocator_takes_no_verdicts_along() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Contiguous));
    world.negotiation([&camera]).allocate().unwrap();
    world.registry.unregister("system").unwrap();
    world.add("system", Contiguity::Contiguous);
    let allocation = world
        .negotiation(&[camera])
        .allocator(world.registry.find("system").unwrap())
        .allocate()
        .unwrap();
    assert_eq!(chosen(&allocation), "system");
}

#[test]
fn memory_that_nobody_registered_is_asked_about_each_time() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::All));
    let foreign = Arc::new(world.memory("system", Contiguity::Contiguous));
    let negotiation = world.negotiation([&camera]).allocator(foreign);
    negotiation.allocate().unwrap();
    assert_eq!(camera.probes(), 1);
    assert!(world.registry.verdicts().is_empty());
}
