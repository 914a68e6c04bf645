//! What users read.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::world::{Device, Taste, World};
use crate::{Contiguity, Role};

fn camera(world: &World, taste: Taste) -> Arc<Device> {
    let name = "camera vivid (/dev/video0)";
    Arc::new(world.device(name, Role::Writes, 1, taste))
}

fn display(world: &World, taste: Taste) -> Arc<Device> {
    let name = "display vkms (/dev/dri/card0)";
    Arc::new(world.device(name, Role::Reads, 2, taste))
}

#[test]
fn the_summary_is_one_line_with_the_reason() {
    let world = World::usual();
    let summary = |importers: &[Arc<Device>]| {
        let allocation = world.negotiation(importers).allocate().unwrap();
        allocation.explain().summary()
    };
    assert_eq!(summary(&[]), "system: the first in order of preference");
    assert_eq!(
        summary(&[camera(&world, Taste::All), display(&world, Taste::All)]),
        "system: accepted by camera vivid (/dev/video0) and display vkms (/dev/dri/card0)"
    );
    let twice = [camera(&world, Taste::All), camera(&world, Taste::All)];
    assert_eq!(
        summary(&twice),
        "system: accepted by camera vivid (/dev/video0)"
    );
    world
        .registry
        .forget(camera(&world, Taste::All).key.unwrap());
    assert_eq!(
        summary(&[camera(&world, Taste::Contiguous)]),
        "cma: system was refused by camera vivid (/dev/video0) (wants contiguous memory)"
    );
}

#[test]
fn the_story_has_a_line_for_everything_that_was_said() {
    let world = World::usual();
    let importers = [
        camera(&world, Taste::Contiguous),
        display(&world, Taste::All),
    ];
    let allocation = world.negotiation(&importers).allocate().unwrap();
    assert_eq!(
        allocation.explain().to_string(),
        "NV12 640x480 from camera vivid (/dev/video0) for display vkms (/dev/dri/card0)\n\
         system: refused\n  \
         camera vivid (/dev/video0) refused at VIDIOC_PREPARE_BUF (460800 bytes): Bad address (os error 14); \
         it probably wants contiguous memory\n  \
         display vkms (/dev/dri/card0) accepted\n\
         cma: chosen\n  \
         camera vivid (/dev/video0) accepted\n  \
         display vkms (/dev/dri/card0) accepted"
    );
    let again = world.negotiation(&importers).allocate().unwrap().explain();
    assert!(
        again
            .to_string()
            .contains("camera vivid (/dev/video0) accepted (remembered)")
    );
}

#[test]
fn two_who_share_no_memory_are_named_with_what_helps() {
    let world = World::usual();
    let importers = [
        camera(&world, Taste::Only("cma")),
        display(&world, Taste::Only("udmabuf")),
    ];
    let text = world
        .negotiation(&importers)
        .allocate()
        .unwrap_err()
        .to_string();
    for part in [
        "no memory suits NV12 640x480 from camera vivid (/dev/video0) for display vkms (/dev/dri/card0)",
        "system: refused (camera vivid (/dev/video0) refused at",
        "Invalid argument (os error 22)",
        "camera vivid (/dev/video0) and display vkms (/dev/dri/card0) have no memory in common",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert!(!text.contains('\n'), "{text}");
}

#[test]
fn a_machine_without_contiguous_memory_is_told_what_the_kernel_lacks() {
    let world = World::default();
    world.add("system", Contiguity::Scattered);
    let error = world
        .negotiation(&[camera(&world, Taste::Contiguous)])
        .allocate();
    let text = error.unwrap_err().to_string();
    assert!(text.contains("CONFIG_DMABUF_HEAPS_CMA"), "{text}");
    assert!(text.contains("cma="), "{text}");
}

#[test]
fn a_heap_without_permission_is_in_the_error_with_its_rule() {
    let root = tempfile::tempdir().unwrap();
    std::fs::create_dir(root.path().join("dma_heap")).unwrap();
    let registry = Arc::new(crate::Registry::discover_at(root.path()));
    let negotiation = crate::Negotiation::new(&registry, super::world::spec());
    let text = negotiation.allocate().unwrap_err().to_string();
    assert!(text.contains("no allocator is registered"), "{text}");
    assert!(
        text.contains("not available: cannot open udmabuf"),
        "{text}"
    );
}

#[test]
fn exhausted_memory_has_its_holders_in_the_error() {
    let world = World::default();
    let area = world.memory("cma", Contiguity::Contiguous);
    area.left.store(1, Ordering::Relaxed);
    world.register(area);
    let _held = world.negotiation(&[]).allocate().unwrap();
    let text = world.negotiation(&[]).allocate().unwrap_err().to_string();
    for part in [
        "cma: failed, allocator cma has no 460800 bytes left (8 of 65536 KiB are free)",
        "this process holds 460800 bytes in 1 buffer of cma",
        "let go of buffers",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn the_users_choice_is_said_to_be_one() {
    let world = World::usual();
    let system = world.registry.find("system").unwrap();
    let refused = world
        .negotiation(&[camera(&world, Taste::Contiguous)])
        .allocator(system)
        .allocate();
    let text = refused.unwrap_err().to_string();
    assert!(
        text.contains("only system was allowed: leave the choice open"),
        "{text}"
    );
}
