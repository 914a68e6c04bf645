//! The order in which importers are attached is an accident of a pipeline, and decides nothing.

use std::sync::Arc;

use proptest::prelude::*;

use super::chosen;
use super::world::{Device, Taste, World};
use crate::{Constraints, Contiguity, FrameLayout, Role};

fn taste() -> impl Strategy<Value = Taste> {
    prop_oneof![
        3 => Just(Taste::All),
        2 => Just(Taste::Contiguous),
        1 => Just(Taste::Own),
        1 => Just(Taste::Busy),
        1 => prop::sample::select(vec!["cma", "udmabuf", "dumb-2"]).prop_map(Taste::Only),
    ]
}

/// What an importer is like: taste, stride alignment, whether it says beforehand that it wants contiguous memory.
type Likes = (Taste, u32, bool);

fn likes() -> impl Strategy<Value = Likes> {
    let align = prop::sample::select(vec![1, 4, 24, 64, 256]);
    (taste(), align, proptest::bool::weighted(0.2))
}

/// What comes of a negotiation on a fresh machine, with the importers attached in this order.
fn outcome(importers: &[Likes], order: &[usize]) -> Option<(String, FrameLayout)> {
    let world = World::usual();
    let mut negotiation = world.negotiation(&[]);
    for &index in order {
        let (taste, align, is_contiguous) = importers[index];
        let name = format!("device {index}");
        let needs = Constraints::of(&*name).stride_align(align);
        let own = world.memory(&format!("dumb-{index}"), Contiguity::Unknown);
        let device = world.device(&name, Role::Reads, index as u64, taste);
        negotiation.attach(Arc::new(Device {
            needs: if is_contiguous {
                needs.contiguous()
            } else {
                needs
            },
            own: (index % 2 == 0).then(|| Arc::new(own) as Arc<dyn crate::Allocator>),
            ..device
        }));
    }
    let allocation = negotiation.allocate().ok()?;
    Some((chosen(&allocation), *allocation.layout()))
}

proptest! {
    #[test]
    fn the_order_of_attach_changes_neither_allocator_nor_layout(
        importers in prop::collection::vec(likes(), 1..5),
        order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let forward: Vec<_> = (0..importers.len()).collect();
        let order: Vec<_> = order.into_iter().filter(|index| *index < importers.len()).collect();
        prop_assert_eq!(outcome(&importers, &forward), outcome(&importers, &order));
    }
}
