use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::world::{Device, Taste, World, spec};
use super::{chosen, looked_at, none_worked};
use crate::{Constraints, Contiguity, Importer, NegotiateError, Negotiation, Outcome, Role};

#[test]
fn contradicting_importers_are_both_named_before_anything_is_allocated() {
    let world = World::usual();
    let camera = Arc::new(Device {
        needs: Constraints::of("camera").stride(0, 642),
        ..world.camera(Taste::All)
    });
    let display = Arc::new(Device {
        needs: Constraints::of("display").stride_align(256),
        ..world.display(Taste::All)
    });
    let error = world
        .negotiation(&[camera, display])
        .allocate()
        .unwrap_err();
    assert!(matches!(error, NegotiateError::Conflict(_)), "{error}");
    let text = error.to_string();
    for part in ["camera", "642", "display", "256"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert!(world.registry.ledger().snapshot().is_empty());
}

#[test]
fn the_caller_has_conditions_like_anybody() {
    let world = World::usual();
    let display = Arc::new(Device {
        needs: Constraints::of("display").stride_align(256),
        ..world.display(Taste::All)
    });
    let negotiation = world.negotiation(&[display]);
    let stride = |request: &crate::LayoutRequest| request.layout().unwrap().planes()[0].stride;
    assert_eq!(stride(&negotiation.request().unwrap()), 768);
    let required = negotiation.require(Constraints::of("the pool").stride_align(1024));
    let allocation = required.allocate().unwrap();
    assert_eq!(stride(allocation.request()), 1024);
    assert_eq!(allocation.layout().planes()[0].stride, 1024);
}

#[test]
fn a_request_allocates_and_probes_nothing() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Contiguous));
    world.negotiation([&camera]).request().unwrap();
    assert_eq!(camera.probes(), 0);
    assert!(world.registry.ledger().snapshot().is_empty());
}

#[test]
fn accepted_trials_become_the_first_frames() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::All));
    let display = Arc::new(world.display(Taste::All));
    let allocation = world.negotiation(&[camera, display]).allocate().unwrap();
    assert_eq!(world.asked("system"), 2);
    let frames = [allocation.frame().unwrap(), allocation.frame().unwrap()];
    assert_ne!(frames[0], frames[1]);
    assert_eq!(world.asked("system"), 2);
    let third = allocation.frame().unwrap();
    assert_eq!(world.asked("system"), 3);
    assert_eq!(third.layout(), allocation.layout());
}

#[test]
fn a_lucky_acceptance_of_scattered_memory_does_not_count() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Lucky(1)));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "cma");
    assert_eq!(
        world
            .registry
            .ledger()
            .account("system")
            .unwrap()
            .live_buffers,
        0
    );
}

#[test]
fn each_importer_is_asked_twice_about_scattered_and_once_about_contiguous_memory() {
    for (contiguity, probes) in [
        (Contiguity::Scattered, 2),
        (Contiguity::Unknown, 2),
        (Contiguity::Contiguous, 1),
    ] {
        let world = World::default();
        world.add("memory", contiguity);
        let importers = [
            Arc::new(world.camera(Taste::All)),
            Arc::new(world.display(Taste::Busy)),
        ];
        world.negotiation(&importers).allocate().unwrap();
        for importer in importers {
            assert_eq!(importer.probes(), probes, "{contiguity:?}, {importer:?}");
        }
    }
}

#[test]
fn everybody_is_asked_even_after_somebody_refused() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Contiguous));
    let display = Arc::new(world.display(Taste::All));
    let allocation = world.negotiation(&[camera, display]).allocate().unwrap();
    let story = allocation.explain();
    assert!(
        story
            .answer("camera", "system")
            .unwrap()
            .refusal()
            .is_some()
    );
    assert!(story.answer("display", "system").is_some());
}

#[test]
fn a_shortage_falls_through() {
    let world = World::default();
    let system = world.memory("system", Contiguity::Scattered);
    system.left.store(1, Ordering::Relaxed);
    world.register(system);
    world.add("cma", Contiguity::Contiguous);
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "cma");
    assert!(allocation.explain().steps()[0].ran_out());
}

#[test]
fn refused_scattered_memory_makes_contiguous_memory_go_next() {
    let world = World::default();
    world.add("system", Contiguity::Scattered);
    world.add("udmabuf", Contiguity::Scattered);
    world.add("mystery", Contiguity::Unknown);
    world.add("cma", Contiguity::Contiguous);
    let camera = Arc::new(world.camera(Taste::Contiguous));
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    assert_eq!(looked_at(&allocation.explain()), ["system", "cma"]);
}

#[test]
fn a_device_that_refuses_foreign_memory_is_offered_its_own_next() {
    let world = World::usual();
    let dumb = Arc::new(world.memory("dumb-card0", Contiguity::Unknown));
    let display = Arc::new(Device {
        own: Some(dumb),
        ..world.display(Taste::Own)
    });
    let camera = Arc::new(world.camera(Taste::All));
    let allocation = world.negotiation(&[camera, display]).allocate().unwrap();
    assert_eq!(looked_at(&allocation.explain()), ["system", "dumb-card0"]);
    let account = world.registry.ledger().account("dumb-card0").unwrap();
    assert_eq!(account.live_buffers, 2, "own memory is accounted, too");
}

#[test]
fn an_importer_that_says_so_beforehand_gets_contiguous_memory_first() {
    let world = World::usual();
    let camera = Arc::new(Device {
        needs: Constraints::of("camera").contiguous(),
        ..world.camera(Taste::All)
    });
    let allocation = world.negotiation(&[camera]).allocate().unwrap();
    assert_eq!(looked_at(&allocation.explain()), ["cma"]);
}

#[test]
fn silence_is_no_consent_of_one_who_wants_contiguous_memory() {
    let world = World::default();
    world.add("system", Contiguity::Scattered);
    let camera = |taste| {
        Arc::new(Device {
            needs: Constraints::of("camera").contiguous(),
            ..world.camera(taste)
        })
    };
    let silent = world.negotiation(&[camera(Taste::Busy)]).allocate();
    let error = silent.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("try again when camera can be asked"),
        "{error}"
    );
    let story = none_worked(error);
    assert!(
        matches!(story.steps()[0].outcome, Outcome::Unconfirmed),
        "{story}"
    );
    world.negotiation(&[camera(Taste::All)]).allocate().unwrap();
}

#[test]
fn who_could_not_be_asked_excludes_nothing_and_is_in_the_story() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Busy));
    let display = Arc::new(world.display(Taste::All));
    let allocation = world.negotiation(&[camera, display]).allocate().unwrap();
    assert_eq!(chosen(&allocation), "system");
    let story = allocation.explain();
    assert_eq!(
        story.summary(),
        "system: camera could not be asked (it is streaming)"
    );
    assert!(
        story
            .to_string()
            .contains("camera could not be asked: it is streaming")
    );
}

#[test]
fn the_users_choice_is_the_only_candidate_and_is_probed() {
    let world = World::usual();
    let camera = Arc::new(world.camera(Taste::Contiguous));
    let named = |name| {
        let allocator = world.registry.find(name).unwrap();
        world.negotiation([&camera]).allocator(allocator)
    };
    let story = none_worked(named("udmabuf").allocate().unwrap_err());
    assert_eq!(looked_at(&story), ["udmabuf"]);
    assert_eq!(chosen(&named("cma").allocate().unwrap()), "cma");
    assert_eq!(world.asked("system"), 0);
}

#[test]
fn an_importer_that_takes_no_such_frames_ends_the_negotiation() {
    #[derive(Debug)]
    struct Picky;

    impl Importer for Picky {
        fn name(&self) -> &'static str {
            "display"
        }
        fn role(&self) -> Role {
            Role::Reads
        }
        fn constraints(&self, spec: &crate::FrameSpec) -> Result<Constraints, crate::Refusal> {
            Err(crate::Refusal {
                importer: "display".to_owned(),
                operation: "IN_FORMATS",
                detail: format!("{} is in no plane's list", spec.fourcc),
                errno: None,
                suspect: None,
            })
        }
        fn probe(&self, _frame: &crate::Frame) -> crate::Verdict {
            panic!("nobody asks about a frame that it never takes")
        }
    }

    let world = World::usual();
    let mut negotiation = Negotiation::new(&world.registry, spec());
    negotiation.attach(Arc::new(Picky));
    let text = negotiation.allocate().unwrap_err().to_string();
    assert!(
        text.contains("display refused at IN_FORMATS (NV12 is in no plane's list)"),
        "{text}"
    );
}
