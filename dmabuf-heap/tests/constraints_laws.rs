//! Laws of merging, whoever asks first.

use std::collections::BTreeSet;

use dmabuf_heap::{Conflict, Constraints, CpuUse, Modifier, Topology, Wish};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// A call of the builder. Few values, so that importers agree and disagree often.
#[derive(Clone, Debug)]
enum Call {
    Memory(bool, u32, CpuUse, Option<bool>),
    StrideAlign(u32),
    StrideBounds(usize, u32, u32),
    Stride(usize, u32),
    Rules(bool, bool),
    Offsets(u64, u64),
    Rows(u32, u32),
    Lengths(u64, usize, u64),
    Topology(Topology),
    Modifiers(Vec<u64>),
    Buffers(u32),
}

impl Call {
    fn apply(&self, to: Constraints) -> Constraints {
        match *self {
            Self::Memory(contiguous, bits, cpu, protected) => {
                let to = to.address_bits(bits).cpu(cpu);
                let to = if contiguous { to.contiguous() } else { to };
                protected.map_or(to.clone(), |protected| to.protected(protected))
            }
            Self::StrideAlign(bytes) => to.stride_align(bytes),
            Self::StrideBounds(plane, least, most) => to.stride_min(plane, least).stride_max(most),
            Self::Stride(plane, bytes) => to.stride(plane, bytes),
            Self::Rules(derived, packed) => {
                let to = if derived { to.derived_strides() } else { to };
                if packed { to.packed_planes() } else { to }
            }
            Self::Offsets(align, most) => to.offset_align(align).offset_max(most),
            Self::Rows(align, least) => to.row_align(align).rows_min(least),
            Self::Lengths(tail, dmabuf, bytes) => to.tail(tail).min_len(dmabuf, bytes),
            Self::Topology(topology) => to.topology(topology),
            Self::Modifiers(ref modifiers) => to.modifiers(modifiers.iter().copied().map(Modifier)),
            Self::Buffers(frames) => to.min_buffers(frames),
        }
    }
}

fn call() -> impl Strategy<Value = Call> {
    let cpu = select(vec![CpuUse::None, CpuUse::Read, CpuUse::Write]);
    let align = || select(vec![0, 1, 4, 6, 64, 256, 0x8000_0001, u32::MAX]);
    let bytes = || select(vec![0, 1280, 1282, 1344, 2560]);
    prop_oneof![
        (any::<bool>(), 30..34_u32, cpu, any::<Option<bool>>()).prop_map(
            |(contiguous, bits, cpu, protected)| Call::Memory(contiguous, bits, cpu, protected)
        ),
        align().prop_map(Call::StrideAlign),
        (0..4_usize, bytes(), select(vec![1279, 2560, u32::MAX]))
            .prop_map(|(plane, least, most)| Call::StrideBounds(plane, least, most)),
        (0..3_usize, bytes()).prop_map(|(plane, bytes)| Call::Stride(plane, bytes)),
        any::<(bool, bool)>().prop_map(|(derived, packed)| Call::Rules(derived, packed)),
        (select(vec![1, 4096, u64::MAX, u64::MAX - 1]), any::<u64>())
            .prop_map(|(align, most)| Call::Offsets(align, most)),
        (align(), 0..3_u32).prop_map(|(align, least)| Call::Rows(align, least)),
        (0..3_u64, 0..4_usize, 0..3_u64)
            .prop_map(|(tail, dmabuf, bytes)| Call::Lengths(tail, dmabuf, bytes)),
        select(vec![Topology::ONE, Topology::PER_PLANE, Topology::all()]).prop_map(Call::Topology),
        subsequence(vec![0, 1, 2, 3], 0..=4).prop_map(Call::Modifiers),
        (0..9_u32).prop_map(Call::Buffers),
    ]
}

/// What an importer needs that does not contradict itself. Names come again, also with other needs.
fn constraints() -> impl Strategy<Value = Constraints> {
    let name = select(vec!["camera", "display", "encoder", "the CPU"]);
    (name, prop::collection::vec(call(), 0..5))
        .prop_map(|(name, calls)| {
            calls
                .iter()
                .fold(Constraints::of(name), |to, call| call.apply(to))
        })
        .prop_filter("contradicts itself", |one| one.merge(one).is_ok())
}

fn merge_all<'a>(sets: impl IntoIterator<Item = &'a Constraints>) -> Result<Constraints, Conflict> {
    sets.into_iter()
        .try_fold(Constraints::none(), |all, one| all.merge(one))
}

fn wishes(constraints: &Constraints) -> BTreeSet<Wish> {
    constraints.wishes().collect()
}

proptest! {
    #[test]
    fn none_is_neutral_and_merging_twice_changes_nothing(one in constraints()) {
        prop_assert_eq!(one.merge(&Constraints::none()), Ok(one.clone()));
        prop_assert_eq!(Constraints::none().merge(&one), Ok(one.clone()));
        prop_assert_eq!(one.merge(&one), Ok(one));
    }

    #[test]
    fn merging_is_commutative(a in constraints(), b in constraints()) {
        prop_assert_eq!(a.merge(&b), b.merge(&a), "also which wishes exclude each other");
    }

    #[test]
    fn merging_is_associative(a in constraints(), b in constraints(), c in constraints()) {
        let left = a.merge(&b).and_then(|both| both.merge(&c));
        let right = b.merge(&c).and_then(|both| a.merge(&both));
        prop_assert_eq!(left.is_ok(), right.is_ok(), "{:?} {:?}", left, right);
        if let (Ok(left), Ok(right)) = (left, right) {
            prop_assert_eq!(left.needs(), right.needs());
            prop_assert_eq!(left, right);
        }
    }

    #[test]
    fn any_order_gives_the_same_or_a_conflict(
        (sets, shuffled) in prop::collection::vec(constraints(), 0..6)
            .prop_flat_map(|sets| (Just(sets.clone()), Just(sets).prop_shuffle())),
    ) {
        let (all, other) = (merge_all(&sets), merge_all(&shuffled));
        let in_one_go = Constraints::merge_all(&sets);
        prop_assert_eq!(all.is_ok(), in_one_go.is_ok());
        prop_assert_eq!(all.is_ok(), other.is_ok(), "{:?} {:?}", all, other);
        if let (Ok(all), Ok(other)) = (all, other) {
            prop_assert_eq!(all.needs(), other.needs());
            prop_assert_eq!(&all, &other);
            prop_assert_eq!(in_one_go.as_ref(), Ok(&all));
            prop_assert_eq!(all.merge(&other), Ok(all));
        }
    }

    #[test]
    fn nobody_is_forgotten(a in constraints(), b in constraints()) {
        let Ok(both) = a.merge(&b) else { return Ok(()) };
        prop_assert_eq!(wishes(&both), &wishes(&a) | &wishes(&b));
        let importers: BTreeSet<_> = a.importers().chain(b.importers()).collect();
        prop_assert_eq!(both.importers().collect::<BTreeSet<_>>(), importers);
    }

    #[test]
    fn merging_never_asks_for_less(a in constraints(), b in constraints()) {
        let Ok(both) = a.merge(&b) else { return Ok(()) };
        let (a, both) = (a.needs(), both.needs());
        prop_assert!(both.contiguous >= a.contiguous && both.address_bits <= a.address_bits || a.address_bits.is_none());
        prop_assert!(both.stride_align.is_multiple_of(a.stride_align));
        prop_assert!(both.offset_align.is_multiple_of(a.offset_align));
        prop_assert!(both.row_align.is_multiple_of(a.row_align) && both.rows_min >= a.rows_min);
        prop_assert!(both.tail >= a.tail && both.min_buffers >= a.min_buffers);
        prop_assert!(a.topology.contains(both.topology));
        for plane in 0..4 {
            prop_assert!(both.stride_min[plane] >= a.stride_min[plane]);
            prop_assert!(both.min_lens[plane] >= a.min_lens[plane]);
            prop_assert!(a.strides[plane].is_none() || both.strides[plane] == a.strides[plane]);
        }
        if let (Some(all), Some(left)) = (&a.modifiers, &both.modifiers) {
            prop_assert!(left.iter().all(|modifier| all.contains(modifier)));
        }
    }

    #[test]
    fn a_conflict_names_wishes_of_both_sides_and_no_more_than_it_takes(a in constraints(), b in constraints()) {
        let Err(conflict) = a.merge(&b) else { return Ok(()) };
        let known = &wishes(&a) | &wishes(&b);
        prop_assert!(conflict.wishes().iter().all(|wish| known.contains(wish)));
        prop_assert!(conflict.wishes().iter().any(|wish| wishes(&a).contains(wish)));
        prop_assert!(conflict.wishes().iter().any(|wish| wishes(&b).contains(wish)));
        for wish in conflict.wishes() {
            prop_assert!(conflict.to_string().contains(&wish.to_string()));
        }
    }
}
