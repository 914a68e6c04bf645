//! Promises of the size arithmetic for any picture.

use dmabuf_heap::{
    Fourcc, FrameLayout, LayoutError, LayoutRequest, Modifier, PixelFormat, PlaneLayout, Topology,
};
use proptest::prelude::*;
use proptest::sample::select;

fn format() -> impl Strategy<Value = &'static PixelFormat> {
    select(PixelFormat::all().iter().collect::<Vec<_>>())
}

/// Small odd sizes, sizes of cameras, and the edge of what fits.
fn side() -> impl Strategy<Value = u32> {
    prop_oneof![
        1..64_u32,
        1..8192_u32,
        Just(65_535_u32),
        Just(65_536_u32),
        any::<u32>()
    ]
}

fn align() -> impl Strategy<Value = u32> {
    prop_oneof![
        select(vec![1, 2, 4, 16, 64, 96, 128, 256, 4096]),
        any::<u32>()
    ]
}

proptest! {
    #[test]
    fn linear_layouts_hold_their_rows_and_never_overlap(
        format in format(), width in side(), height in side(), align in align(),
    ) {
        let result = FrameLayout::linear(format.fourcc, width, height, align);
        // 16 bytes per pixel, and rounding up to several alignments, are the worst case.
        let bound = (u64::from(width) * 16).max(u64::from(align) * 64);
        match result {
            Err(LayoutError::Empty { .. }) => prop_assert!(width == 0 || height == 0),
            Err(LayoutError::ZeroAlignment) => prop_assert_eq!(align, 0),
            Err(LayoutError::TooLarge { .. }) => prop_assert!(bound > u64::from(u32::MAX)),
            Err(ref other) => prop_assert!(false, "{}", other),
            Ok(_) => {}
        }
        let Ok(layout) = result else { return Ok(()) };
        prop_assert_eq!(layout.planes().len(), format.planes().len());
        let mut end = 0;
        for (index, plane) in layout.planes().iter().enumerate() {
            prop_assert!(plane.offset >= end, "planes lie one behind the other");
            end = plane.offset + plane.len;
            prop_assert!(u64::from(plane.stride) >= layout.row_bytes(index).unwrap());
            prop_assert_eq!(plane.stride % align, 0);
            prop_assert_eq!(plane.len, u64::from(plane.stride) * u64::from(layout.rows(index).unwrap()));
        }
        prop_assert_eq!(layout.size(), end);
    }

    #[test]
    fn a_coarser_alignment_never_makes_a_picture_smaller(
        format in format(), width in 1..4096_u32, height in 1..4096_u32, shift in 0..8_u32,
    ) {
        let size = |align| FrameLayout::linear(format.fourcc, width, height, align).unwrap().size();
        prop_assert!(size(1 << shift) <= size(2 << shift));
    }

    #[test]
    fn chroma_strides_are_what_the_first_stride_implies(
        format in format(), width in 1..4096_u32, height in 1..4096_u32, align in select(vec![1, 4, 64, 256]),
    ) {
        let layout = FrameLayout::linear(format.fourcc, width, height, align).unwrap();
        let first = layout.planes()[0].stride;
        let implied = LayoutRequest::new(format.fourcc, width, height).plane_strides(&[first]).layout();
        prop_assert_eq!(implied, Ok(layout));
    }

    #[test]
    fn foreign_planes_never_panic_and_are_kept_as_given(
        format in format(), width in side(), height in side(),
        planes in prop::collection::vec((any::<u64>(), any::<u32>(), any::<u64>()), 0..6),
        modifier in select(vec![Modifier::LINEAR, Modifier::INVALID, Modifier(0x0100_0000_0000_0001)]),
    ) {
        let planes: Vec<_> =
            planes.into_iter().map(|(offset, stride, len)| PlaneLayout { offset, stride, len }).collect();
        if let Ok(layout) = FrameLayout::with_planes(format.fourcc, modifier, width, height, &planes) {
            prop_assert_eq!(layout.planes(), &planes[..]);
            prop_assert!(layout.size() <= i64::MAX.unsigned_abs());
        }
    }

    #[test]
    fn requests_never_panic_and_never_overlap(
        format in format(), width in side(), height in side(),
        strides in prop::collection::vec(any::<u32>(), 0..5),
        offsets in prop::collection::vec(any::<u64>(), 0..5),
    ) {
        let request = LayoutRequest::new(format.fourcc, width, height).plane_strides(&strides).plane_offsets(&offsets);
        if let Ok(layout) = request.layout() {
            let mut planes = layout.planes().to_vec();
            planes.sort_by_key(|plane| plane.offset);
            prop_assert!(planes.windows(2).all(|pair| pair[0].end() <= pair[1].offset));
        }
    }
}

#[test]
fn strides_and_offsets_of_a_driver_are_kept() {
    let layout = LayoutRequest::new(Fourcc::NV12, 1366, 768)
        .plane_strides(&[1536, 1536])
        .plane_offsets(&[0, 1536 * 784])
        .layout()
        .unwrap();
    let planes: Vec<_> = layout
        .planes()
        .iter()
        .map(|plane| (plane.offset, plane.stride))
        .collect();
    assert_eq!(planes, [(0, 1536), (1536 * 784, 1536)]);
    assert_eq!(layout.size(), 1536 * (784 + 384));
}

#[test]
fn a_stride_that_does_not_hold_a_row_is_refused_with_both_numbers() {
    let error = LayoutRequest::new(Fourcc::NV12, 1366, 768)
        .plane_strides(&[1360])
        .layout()
        .unwrap_err();
    let expected = LayoutError::StrideTooSmall {
        fourcc: Fourcc::NV12,
        plane: 0,
        width: 1366,
        stride: 1360,
        row_bytes: 1366,
    };
    assert_eq!(error, expected);
}

#[test]
fn planes_on_top_of_each_other_are_refused() {
    let error = LayoutRequest::new(Fourcc::NV12, 64, 32)
        .plane_offsets(&[0, 64 * 31])
        .layout()
        .unwrap_err();
    assert!(
        matches!(
            error,
            LayoutError::Overlap {
                first: 0,
                second: 1,
                offset: 1984,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn the_minimal_length_pads_the_dmabuf_not_the_planes() {
    let request = LayoutRequest::new(Fourcc::NV12, 64, 32).min_len(1 << 20);
    assert_eq!(request.len(), Ok(1 << 20));
    assert_eq!(request.layout().unwrap().size(), 64 * 48);
    assert_eq!(request.min_len(1).len(), Ok(64 * 48));
}

#[test]
fn padding_and_alignment_part_the_planes() {
    let request = LayoutRequest::new(Fourcc::YUV420, 64, 30)
        .rows(32)
        .offset_align(4096)
        .tail(100);
    let layout = request.layout().unwrap();
    let offsets: Vec<_> = layout.planes().iter().map(|plane| plane.offset).collect();
    assert_eq!(offsets, [0, 4096, 8192]);
    assert_eq!(layout.planes()[2].len, 32 * 15, "the picture has 30 rows");
    assert_eq!(request.dmabuf_lens(), Ok(vec![8192 + 32 * 16 + 100]));
}

#[test]
fn fewer_rows_than_the_picture_has_pad_nothing() {
    let request = LayoutRequest::new(Fourcc::NV12, 64, 32);
    assert_eq!(request.clone().rows(16).layout(), request.layout());
}

#[test]
fn a_dmabuf_for_each_plane_starts_each_at_its_beginning() {
    let request = LayoutRequest::new(Fourcc::NV12, 64, 32)
        .per_plane()
        .min_len(10_000);
    let layout = request.layout().unwrap();
    assert!(layout.planes().iter().all(|plane| plane.offset == 0));
    assert_eq!(request.dmabuf_lens(), Ok(vec![10_000, 64 * 16]));
    assert_eq!(request.len(), Ok(10_000 + 64 * 16));
    assert_eq!(request.topology(), Topology::PER_PLANE);
}

#[test]
fn lengths_that_leave_63_bits_are_too_large() {
    let request = LayoutRequest::new(Fourcc::NV12, 64, 32);
    for request in [
        request.clone().tail(u64::MAX),
        request.clone().min_len(u64::MAX),
        request.clone().offset_align(u64::MAX),
    ] {
        let error = request.dmabuf_lens().unwrap_err();
        assert!(matches!(error, LayoutError::TooLarge { .. }), "{error}");
    }
}

#[test]
fn heaps_have_no_layout_but_linear() {
    let request =
        LayoutRequest::new(Fourcc::NV12, 64, 32).modifier(Modifier(0x0100_0000_0000_0001));
    assert!(matches!(request.layout(), Err(LayoutError::NotLinear(_))));
}

#[test]
fn foreign_linear_planes_may_lack_the_padding_of_their_last_row() {
    let planes = |len| {
        [PlaneLayout {
            offset: 0,
            stride: 128,
            len,
        }]
    };
    let layout =
        |len| FrameLayout::with_planes(Fourcc::R8, Modifier::LINEAR, 100, 10, &planes(len));
    assert!(layout(128 * 9 + 100).is_ok());
    let error = layout(128 * 9 + 99).unwrap_err();
    assert!(
        matches!(
            error,
            LayoutError::PlaneTooShort {
                plane: 0,
                rows: 10,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn foreign_layouts_have_the_planes_of_their_format_unless_tiled() {
    let one = [PlaneLayout {
        offset: 0,
        stride: 64,
        len: 64 * 48,
    }];
    let error = FrameLayout::with_planes(Fourcc::NV12, Modifier::LINEAR, 64, 32, &one).unwrap_err();
    assert_eq!(
        error,
        LayoutError::PlaneCount {
            fourcc: Fourcc::NV12,
            expected: 2,
            got: 1
        }
    );
    assert!(FrameLayout::with_planes(Fourcc::NV12, Modifier::INVALID, 64, 32, &one).is_ok());
    assert!(FrameLayout::with_planes(Fourcc::NV12, Modifier::INVALID, 64, 32, &[]).is_err());
}
