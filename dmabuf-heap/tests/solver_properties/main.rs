//! Promises of the layout solver for any picture and whatever is asked of it.

mod solved;

use std::ops::Range;

use dmabuf_heap::{
    Constraints, FrameLayout, FrameSpec, LayoutRequest, Need, PixelFormat, SolveError, Topology,
    Wish,
};
use proptest::prelude::*;
use proptest::sample::select;

use solved::Solved;

fn format() -> impl Strategy<Value = &'static PixelFormat> {
    select(PixelFormat::all().iter().collect::<Vec<_>>())
}

/// Something one could ask of a picture `width` pixels wide.
fn need(width: u32) -> impl Strategy<Value = Need> {
    let plane = 0..3_usize;
    let near = (width / 4 + 1..=width.saturating_mul(5)).boxed();
    let coarse = || select(vec![1, 2, 3, 4, 6, 16, 48, 64, 256]);
    prop_oneof![
        3 => coarse().prop_map(Need::StrideAlign),
        1 => (plane.clone(), near.clone()).prop_map(|(plane, bytes)| Need::StrideMin { plane, bytes }),
        1 => near.clone().prop_map(|bytes| Need::StrideMax(bytes.saturating_mul(4))),
        1 => (plane.clone(), near).prop_map(|(plane, bytes)| Need::Stride { plane, bytes }),
        3 => Just(Need::DerivedStrides),
        2 => coarse().prop_map(|bytes| Need::OffsetAlign(bytes.into())),
        1 => select(vec![0, 10_000, 1 << 40]).prop_map(Need::OffsetMax),
        3 => (coarse(), 0..200_u32).prop_map(|(row_align, rows_min)| Need::PackedPlanes { row_align, rows_min }),
        1 => coarse().prop_map(Need::RowAlign),
        1 => (0..200_u32).prop_map(Need::RowsMin),
        1 => (0..100_u64).prop_map(Need::Tail),
        1 => (plane, 0..100_000_u64).prop_map(|(dmabuf, bytes)| Need::MinLen { dmabuf, bytes }),
        1 => select(vec![Topology::ONE, Topology::PER_PLANE]).prop_map(Need::Topology),
    ]
}

/// One wish of an importer of its own.
fn constraint((index, need): (usize, &Need)) -> Constraints {
    let one = Constraints::of(format!("importer {index}"));
    match *need {
        Need::StrideAlign(bytes) => one.stride_align(bytes),
        Need::StrideMin { plane, bytes } => one.stride_min(plane, bytes),
        Need::StrideMax(bytes) => one.stride_max(bytes),
        Need::Stride { plane, bytes } => one.stride(plane, bytes),
        Need::DerivedStrides => one.derived_strides(),
        Need::OffsetAlign(bytes) => one.offset_align(bytes),
        Need::OffsetMax(bytes) => one.offset_max(bytes),
        Need::PackedPlanes {
            row_align,
            rows_min,
        } => one.packed_planes().row_align(row_align).rows_min(rows_min),
        Need::RowAlign(rows) => one.row_align(rows),
        Need::RowsMin(rows) => one.rows_min(rows),
        Need::Tail(bytes) => one.tail(bytes),
        Need::MinLen { dmabuf, bytes } => one.min_len(dmabuf, bytes),
        Need::Topology(topology) => one.topology(topology),
        Need::Modifiers(ref modifiers) => one.modifiers(modifiers.iter().copied()),
        ref other => unreachable!("{other} is no matter of layout"),
    }
}

/// None: they exclude each other for every picture.
fn constraints(needs: &[Need]) -> Option<Constraints> {
    let all: Vec<_> = needs.iter().enumerate().map(constraint).collect();
    Constraints::merge_all(&all).ok()
}

fn needs(widths: Range<u32>) -> impl Strategy<Value = (u32, Vec<Need>)> {
    widths.prop_flat_map(|width| (Just(width), prop::collection::vec(need(width), 0..6)))
}

/// The smallest first stride with which V4L2's rule meets all needs in one dma-buf, found by trying each.
///
/// A stride that nobody fixes holds whole blocks, and its shares for the other planes are whole bytes.
fn smallest_by_trying(
    spec: FrameSpec,
    needs: &[Need],
    format: &'static PixelFormat,
) -> Option<u32> {
    let first = &format.planes()[0];
    let whole_rows = first.row_bytes(spec.width.next_multiple_of(first.block_width));
    let is_fixed = needs
        .iter()
        .any(|need| matches!(need, Need::Stride { plane: 0, .. }));
    let shares_are_whole = |stride: u32| {
        format.planes().iter().all(|plane| {
            let blocks = plane.bytes_per_block * first.block_width;
            let of = first.bytes_per_block * plane.block_width * plane.horizontal_subsampling;
            (u64::from(stride) * u64::from(blocks)).is_multiple_of(of.into())
        })
    };
    let base = LayoutRequest::for_spec(spec)
        .rows(rows(spec, needs))
        .offset_align(offset_align(needs));
    (1..=LIMIT)
        .filter(|&stride| is_fixed || u64::from(stride) >= whole_rows && shares_are_whole(stride))
        .find(|&stride| {
            let request = base.clone().plane_strides(&[stride]);
            let is_possible = request.layout().is_ok();
            is_possible
                && needs
                    .iter()
                    .all(|need| Solved::of(&request, format).meets(need))
        })
}

fn rows(spec: FrameSpec, needs: &[Need]) -> u32 {
    let mut least = spec.height;
    let mut align = 1;
    for need in needs {
        if let Need::RowsMin(rows) | Need::PackedPlanes { rows_min: rows, .. } = *need {
            least = least.max(rows);
        }
        if let Need::RowAlign(rows)
        | Need::PackedPlanes {
            row_align: rows, ..
        } = *need
        {
            align = common_multiple(align, rows);
        }
    }
    least.next_multiple_of(align)
}

fn offset_align(needs: &[Need]) -> u64 {
    let aligns = needs.iter().filter_map(|need| match *need {
        Need::OffsetAlign(bytes) => u32::try_from(bytes).ok(),
        _ => None,
    });
    aligns.fold(1, common_multiple).into()
}

fn common_multiple(a: u32, b: u32) -> u32 {
    let mut multiples = (1..=b).map(|times| a * times);
    multiples
        .find(|multiple| multiple.is_multiple_of(b))
        .expect("a times b is one")
}

/// The largest stride that is tried.
const LIMIT: u32 = 2048;

proptest! {
    #[test]
    fn every_need_is_met_in_a_sound_layout(format in format(), (width, needs) in needs(1..700), height in 1..200_u32) {
        let spec = FrameSpec::new(format.fourcc, width, height);
        let Some(constraints) = constraints(&needs) else { return Ok(()) };
        let Ok(request) = constraints.request(spec) else { return Ok(()) };
        let solved = Solved::of(&request, format);
        prop_assert!(solved.is_sound(), "{:?}", request);
        for need in &needs {
            prop_assert!(solved.meets(need), "{} in {:?} {:?}", need, request, solved.layout);
        }
    }

    #[test]
    fn derived_strides_are_the_smallest_that_there_are(
        format in format(), (width, mut needs) in needs(1..64), height in 1..40_u32,
    ) {
        needs.retain(|need| !matches!(need, Need::Tail(_) | Need::MinLen { .. }));
        needs.push(Need::DerivedStrides);
        needs.push(Need::StrideMax(LIMIT));
        needs.push(Need::Topology(Topology::ONE));
        let spec = FrameSpec::new(format.fourcc, width, height);
        let Some(constraints) = constraints(&needs) else { return Ok(()) };
        let found = constraints.request(spec).ok().map(|request| Solved::of(&request, format).strides()[0]);
        prop_assert_eq!(found, smallest_by_trying(spec, &needs, format));
    }

    #[test]
    fn who_is_named_in_an_error_cannot_be_spared(format in format(), (width, needs) in needs(1..700), height in 1..200_u32) {
        let spec = FrameSpec::new(format.fourcc, width, height);
        let Some(constraints) = constraints(&needs) else { return Ok(()) };
        let Err(SolveError::Unsuited { wishes, .. }) = constraints.request(spec) else { return Ok(()) };
        let again = |wishes: &[Wish]| {
            let needs: Vec<_> = wishes.iter().map(|wish| wish.need.clone()).collect();
            self::constraints(&needs).expect("they could be merged before").request(spec)
        };
        prop_assert!(again(&wishes).is_err());
        for index in 0..wishes.len() {
            let mut others = wishes.clone();
            let spared = others.remove(index);
            prop_assert!(again(&others).is_ok(), "{} without {}", others.len(), spared);
        }
    }

    #[test]
    fn no_picture_and_no_number_make_it_panic(
        format in format(), width in any::<u32>(), height in any::<u32>(),
        strides in any::<[u32; 4]>(), rows in any::<[u32; 2]>(), places in any::<[u64; 4]>(), packed in any::<bool>(),
    ) {
        let one = Constraints::of("x").stride_align(strides[0] % 4096).stride_min(1, strides[1]).stride_max(strides[2]);
        let two = Constraints::of("y").row_align(rows[0]).rows_min(rows[1]).tail(places[0]).min_len(0, places[1]);
        let three = Constraints::of("z").offset_align(places[2]).offset_max(places[3]);
        let three = if packed { three.packed_planes() } else { three.stride(0, strides[3]) };
        let spec = FrameSpec::new(format.fourcc, width, height);
        for sets in [vec![&one], vec![&two], vec![&three], vec![&one, &two, &three]] {
            let Ok(all) = Constraints::merge_all(sets) else { continue };
            match all.request(spec) {
                Ok(request) => prop_assert!(Solved::of(&request, format).is_sound()),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn who_asks_for_nothing_gets_the_usual_layout(format in format(), width in 1..4096_u32, height in 1..4096_u32) {
        let request = Constraints::none().request(FrameSpec::new(format.fourcc, width, height)).expect("it is small");
        prop_assert_eq!(request.layout(), FrameLayout::linear(format.fourcc, width, height, 1));
        prop_assert_eq!(request.len().expect("small"), request.layout().expect("small").size());
    }
}
