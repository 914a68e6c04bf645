//! What happens when memory runs out while frames are streaming.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::chosen;
use super::world::{Device, Memory, Taste, World};
use crate::{AllocateError, Allocation, Contiguity, Importer, Verdict};

/// An area of contiguous memory that is chosen first and has `left` frames, and whatever helps out.
fn small_area(left: usize, helpers: &[(&str, Contiguity)]) -> (World, Arc<Memory>) {
    let world = World::default();
    let area = world.memory("cma", Contiguity::Contiguous);
    area.left.store(left, Ordering::Relaxed);
    let area = world.register(area);
    for (name, contiguity) in helpers {
        world.add(name, *contiguity);
    }
    (world, area)
}

fn exhausted(allocation: &Allocation) -> AllocateError {
    let error = allocation.frame().unwrap_err();
    assert!(matches!(error, AllocateError::Exhausted { .. }), "{error}");
    error
}

#[test]
fn another_allocator_helps_out_when_everybody_takes_its_frames() {
    let (world, _area) = small_area(1, &[("area2", Contiguity::Contiguous)]);
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    let first = allocation.frame().unwrap();
    let second = allocation.frame().unwrap();
    assert_eq!(second.layout(), first.layout());
    assert_eq!(camera.probes(), 2);
    let third = allocation.frame().unwrap();
    assert_eq!(
        camera.probes(),
        2,
        "contiguous memory is known after one frame"
    );
    assert_ne!(second, third);
    assert_eq!(chosen(&allocation), "cma");
    assert_eq!(
        allocation.explain().summary(),
        "cma: ran out of memory 2 times, area2 helped out"
    );
}

#[test]
fn every_scattered_frame_that_helps_out_is_shown_to_everybody() {
    let (world, _area) = small_area(1, &[("system", Contiguity::Scattered)]);
    let camera = Arc::new(world.camera(Taste::Lucky(1)));
    let allocation = world.negotiation([&camera]).allocate().unwrap();
    allocation.frame().unwrap();
    assert_eq!(camera.probes(), 1);
    let error = exhausted(&allocation);
    assert!(
        error
            .to_string()
            .contains("system: refused (camera refused"),
        "{error}"
    );
}

#[test]
fn silence_is_not_enough_while_frames_are_streaming() {
    let (world, _area) = small_area(1, &[("area2", Contiguity::Contiguous)]);
    let camera = Arc::new(world.camera(Taste::Busy));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    allocation.frame().unwrap();
    let error = exhausted(&allocation).to_string();
    assert!(error.contains("area2: not accepted by all"), "{error}");
    assert!(
        error.contains("camera could not be asked: it is streaming"),
        "{error}"
    );
}

#[test]
fn a_busy_importer_that_is_known_to_take_the_memory_is_enough() {
    let (world, area) = small_area(1, &[("area2", Contiguity::Contiguous)]);
    let idle = Arc::new(world.camera(Taste::All));
    let named = world.registry.find("area2").unwrap();
    world
        .negotiation(&[idle])
        .allocator(named)
        .allocate()
        .unwrap();
    let busy = Arc::new(world.camera(Taste::Busy));
    let allocation = world.negotiation([&busy]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "cma");
    allocation.frame().unwrap();
    assert_eq!(area.left.load(Ordering::Relaxed), 0);
    allocation.frame().unwrap();
    assert_eq!(busy.probes(), 1, "asked about cma only");
}

#[test]
fn the_error_says_how_much_was_wanted_what_there_is_and_who_holds_it() {
    let (world, _area) = small_area(2, &[("system", Contiguity::Scattered)]);
    let camera = Arc::new(world.camera(Taste::Contiguous));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    let _held = [allocation.frame().unwrap(), allocation.frame().unwrap()];
    let error = exhausted(&allocation).to_string();
    for part in [
        "allocator cma has no 460800 bytes left (8 of 65536 KiB are free)",
        "os error 12",
        "this process holds 921600 bytes in 2 buffers of cma",
        "system: refused (camera refused at VIDIOC_PREPARE_BUF",
    ] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
}

#[test]
fn a_frame_of_another_layout_is_no_help() {
    let (world, _area) = small_area(1, &[]);
    let mut dumb = world.memory("dumb", Contiguity::Contiguous);
    dumb.stride = Some(1024);
    world.register(dumb);
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    allocation.frame().unwrap();
    let error = exhausted(&allocation).to_string();
    assert!(error.contains("dumb: passed over"), "{error}");
}

#[test]
fn memory_that_comes_back_is_used_again() {
    let (world, area) = small_area(1, &[("area2", Contiguity::Contiguous)]);
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    allocation.frame().unwrap();
    allocation.frame().unwrap();
    area.left.store(1, Ordering::Relaxed);
    allocation.frame().unwrap();
    assert_eq!(world.asked("area2"), 1);
}

#[test]
fn an_allocator_that_ran_out_before_the_start_may_help_later() {
    let world = World::default();
    let system = world.memory("system", Contiguity::Scattered);
    system.left.store(0, Ordering::Relaxed);
    let system = world.register(system);
    let area = world.memory("cma", Contiguity::Contiguous);
    area.left.store(1, Ordering::Relaxed);
    world.register(area);
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "cma");
    allocation.frame().unwrap();
    system.left.store(1, Ordering::Relaxed);
    allocation.frame().unwrap();
}

#[test]
fn no_lock_is_held_while_an_importer_probes() {
    let (world, _area) = small_area(1, &[("area2", Contiguity::Contiguous)]);
    let meddler = Arc::new(Meddler {
        device: world.camera(Taste::All),
        registry: world.registry.clone(),
        allocation: std::sync::OnceLock::new(),
    });
    let mut negotiation = world.negotiation(&[]);
    negotiation.attach(meddler.clone());
    let allocation = Arc::new(negotiation.allocate().unwrap());
    let first = allocation.frame().unwrap();
    meddler.allocation.set(allocation.clone()).unwrap();
    allocation.frame().unwrap();
    let late = Meddler {
        device: world.display(Taste::All),
        registry: world.registry.clone(),
        allocation: allocation.clone().into(),
    };
    assert_eq!(
        allocation.attach(Arc::new(late), &[first]),
        Verdict::Accepted
    );
}

/// Uses, while it is asked, everything that a lock could guard.
#[derive(Debug)]
struct Meddler {
    device: Device,
    registry: Arc<crate::Registry>,
    allocation: std::sync::OnceLock<Arc<Allocation>>,
}

impl Importer for Meddler {
    fn name(&self) -> &str {
        &self.device.name
    }

    fn role(&self) -> crate::Role {
        self.device.role
    }

    fn device(&self) -> Option<crate::DeviceKey> {
        self.device.key
    }

    fn constraints(&self, spec: &crate::FrameSpec) -> Result<crate::Constraints, crate::Refusal> {
        self.device.constraints(spec)
    }

    fn probe(&self, frame: &crate::Frame) -> Verdict {
        let passing = crate::test::StandIn::new("passing");
        self.registry.register(Arc::new(passing)).unwrap();
        self.registry.unregister("passing").unwrap();
        self.registry.verdicts();
        self.registry.ledger().total();
        if let Some(allocation) = self.allocation.get() {
            allocation.explain();
        }
        self.device.probe(frame)
    }
}
