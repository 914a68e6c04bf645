//! Memory that need not be shown to anybody.

use std::sync::Arc;

use super::world::{Device, Taste, World};
use super::{chosen, none_worked};
use crate::{Constraints, Contiguity, CpuUse, Outcome, Role, Unsuitable};

#[test]
fn memory_out_of_reach_of_the_cpu_is_passed_over_when_the_cpu_needs_it() {
    let world = World::default();
    let mut closed = world.memory("closed", Contiguity::Contiguous);
    closed.capabilities.mappable = false;
    world.register(closed);
    world.add("system", Contiguity::Scattered);
    let allocation = world.negotiation(&[]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "closed");

    let cpu = Arc::new(Device {
        needs: Constraints::of("the CPU").cpu(CpuUse::Read),
        ..world.device("the CPU", Role::Reads, 3, Taste::All)
    });
    let allocation = world.negotiation(&[cpu]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "system");
    let story = allocation.explain();
    assert!(matches!(
        story.steps()[0].outcome,
        Outcome::PassedOver(Unsuitable::NotMappable)
    ));
    assert_eq!(world.asked("closed"), 1);
}

#[test]
fn protected_memory_is_for_those_who_want_it() {
    let world = World::default();
    let mut secure = world.memory("secure", Contiguity::Contiguous);
    secure.capabilities.protected = true;
    let secure = world.register(secure);
    world.add("system", Contiguity::Scattered);
    let open = world.negotiation(&[]).allocate().unwrap();
    assert_eq!(chosen(&open), "system");
    let wanted = world
        .negotiation(&[])
        .require(Constraints::of("the player").protected(true));
    assert_eq!(chosen(&wanted.allocate().unwrap()), "secure");
    let named = world.negotiation(&[]).allocator(secure);
    assert_eq!(chosen(&named.allocate().unwrap()), "secure");
}

#[test]
fn an_allocator_is_not_asked_for_more_than_it_makes() {
    let world = World::default();
    let mut small = world.memory("small", Contiguity::Contiguous);
    small.capabilities.max_len = Some(460_799);
    world.register(small);
    let story = none_worked(world.negotiation(&[]).allocate().unwrap_err());
    let expected = Unsuitable::TooLarge {
        len: 460_800,
        max_len: 460_799,
    };
    assert!(
        matches!(&story.steps()[0].outcome, Outcome::PassedOver(why) if *why == expected),
        "{story}"
    );
    assert_eq!(world.asked("small"), 0);
}

#[test]
fn an_allocator_with_strides_of_its_own_must_still_suit_everybody() {
    let world = World::default();
    let mut dumb = world.memory("dumb", Contiguity::Contiguous);
    dumb.stride = Some(1024);
    world.register(dumb);
    world.add("cma", Contiguity::Contiguous);
    let camera = Arc::new(Device {
        needs: Constraints::of("camera").stride(0, 640),
        ..world.camera(Taste::Busy)
    });
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "cma");
    let story = allocation.explain().to_string();
    assert!(
        story.contains(
            "camera wants a stride of 640 bytes for plane 0, and there is a stride of 1024"
        ),
        "{story}"
    );
}
