use std::sync::Arc;

use crate::{
    Constraints, DmaBuf, Frame, LayoutRequest, Modifier, Need, PixelFormat, PlaneFormat,
    PlaneLayout, Topology,
};

/// What a frame lacks that somebody needs, with the name of who needs it. Allocators may choose larger strides than they
/// were asked for, and not all importers can be asked what they make of them.
pub(super) fn misfit(frame: &Frame, constraints: &Constraints) -> Option<String> {
    constraints.wishes().find_map(|wish| {
        let got = wrong_plane(&wish.need, frame.layout().planes())
            .or_else(|| wrong_whole(&wish.need, frame))
            .or_else(|| short_dmabuf(&wish.need, frame))?;
        Some(format!("{wish}, and there is {got}"))
    })
}

fn wrong_plane(need: &Need, planes: &[PlaneLayout]) -> Option<String> {
    let wrong = |(index, plane): (usize, &PlaneLayout)| {
        let PlaneLayout { offset, stride, .. } = *plane;
        let is_stride_right = match *need {
            Need::StrideAlign(bytes) => stride.is_multiple_of(bytes),
            Need::StrideMin { plane, bytes } => plane != index || stride >= bytes,
            Need::StrideMax(bytes) => stride <= bytes,
            Need::Stride { plane, bytes } => plane != index || stride == bytes,
            _ => true,
        };
        let is_offset_right = match *need {
            Need::OffsetAlign(bytes) => offset.is_multiple_of(bytes),
            Need::OffsetMax(bytes) => offset <= bytes,
            _ => true,
        };
        match (is_stride_right, is_offset_right) {
            (true, true) => None,
            (false, _) => Some(format!("a stride of {stride} for plane {index}")),
            (true, false) => Some(format!("an offset of {offset} for plane {index}")),
        }
    };
    planes.iter().enumerate().find_map(wrong)
}

/// What only all planes together show.
fn wrong_whole(need: &Need, frame: &Frame) -> Option<String> {
    let layout = frame.layout();
    match need {
        Need::Modifiers(allowed) if !allowed.contains(&layout.modifier()) => {
            Some(layout.modifier().to_string())
        }
        Need::Topology(allowed) => {
            let count = frame.dmabufs().count();
            let (topology, got) = if count == 1 {
                (Topology::ONE, "one for all planes".to_owned())
            } else {
                (Topology::PER_PLANE, format!("{count} of them"))
            };
            let either = layout.planes().len() == 1;
            (!either && !allowed.contains(topology)).then_some(got)
        }
        Need::DerivedStrides => {
            let first = layout.planes().first()?.stride;
            let derived = |request: LayoutRequest| request.plane_strides(&[first]);
            differs(frame, derived, |plane| u64::from(plane.stride), "strides")
        }
        Need::PackedPlanes { .. } if frame.dmabufs().count() > 1 => None,
        &Need::PackedPlanes {
            row_align,
            rows_min,
        } => {
            let strides: Vec<u32> = layout.planes().iter().map(|plane| plane.stride).collect();
            let rows = padded(layout.height(), row_align, rows_min)?;
            let packed = |request: LayoutRequest| request.plane_strides(&strides).rows(rows);
            differs(frame, packed, |plane| plane.offset, "offsets")
        }
        _ => None,
    }
}

/// The numbers of the frame, if they are not those of what the condition makes of the same picture.
fn differs(
    frame: &Frame,
    condition: impl Fn(LayoutRequest) -> LayoutRequest,
    number: impl Fn(&PlaneLayout) -> u64,
    noun: &str,
) -> Option<String> {
    let layout = frame.layout();
    let request = LayoutRequest::new(layout.fourcc(), layout.width(), layout.height());
    let numbers = |planes: &[PlaneLayout]| planes.iter().map(&number).collect::<Vec<_>>();
    let got = numbers(layout.planes());
    let wanted = condition(request).layout().ok();
    (wanted.map(|wanted| numbers(wanted.planes())).as_ref() != Some(&got))
        .then(|| format!("{noun} of {got:?}"))
}

fn short_dmabuf(need: &Need, frame: &Frame) -> Option<String> {
    let dmabufs: Vec<&Arc<DmaBuf>> = frame.dmabufs().collect();
    match *need {
        Need::MinLen { dmabuf, bytes } => {
            let len = dmabufs.get(dmabuf)?.len();
            (len < bytes).then(|| format!("one of {len}"))
        }
        Need::Tail(bytes) => {
            let (last, plane) = frame.layout().planes().iter().enumerate().next_back()?;
            let left = frame.dmabuf(last).len().saturating_sub(plane.end());
            (left < bytes).then(|| format!("room for {left}"))
        }
        Need::RowAlign(align) => short_of_rows(frame, padded(frame.layout().height(), align, 0)?),
        Need::RowsMin(rows) => short_of_rows(frame, rows),
        _ => None,
    }
}

/// The first plane behind which there is no room for this many rows of the picture.
fn short_of_rows(frame: &Frame, rows: u32) -> Option<String> {
    let layout = frame.layout();
    if layout.modifier() != Modifier::LINEAR {
        return None;
    }
    let shapes = PixelFormat::find(layout.fourcc())?.planes();
    let short = |(index, (plane, shape)): (usize, (&PlaneLayout, &PlaneFormat))| {
        let dmabuf = frame.dmabuf(index);
        let behind = |(other, place): (usize, &PlaneLayout)| {
            (frame.dmabuf(other).id() == dmabuf.id() && place.offset > plane.offset)
                .then_some(place.offset)
        };
        let next = layout.planes().iter().enumerate().filter_map(behind).min();
        let room = next.unwrap_or(dmabuf.len()).saturating_sub(plane.offset);
        let needed = u64::from(plane.stride) * u64::from(shape.rows(rows));
        (room < needed).then(|| format!("room for {room} of {needed} bytes in plane {index}"))
    };
    layout
        .planes()
        .iter()
        .zip(shapes)
        .enumerate()
        .find_map(short)
}

/// The rows of the first plane with their padding; none beyond 32 bits.
fn padded(height: u32, align: u32, least: u32) -> Option<u32> {
    height.max(least).checked_next_multiple_of(align.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::StandIn;
    use crate::{Fourcc, FrameLayout};

    fn plane(offset: u64, stride: u32, rows: u32) -> PlaneLayout {
        PlaneLayout {
            offset,
            stride,
            len: u64::from(stride) * u64::from(rows),
        }
    }

    /// 64x32, so 32 rows of luma and 16 of chroma.
    fn frame(planes: &[PlaneLayout], lens: &[u64]) -> Frame {
        let layout =
            FrameLayout::with_planes(Fourcc::NV12, Modifier::LINEAR, 64, 32, planes).unwrap();
        let dmabufs: Vec<_> = lens.iter().map(|&len| StandIn::dmabuf(len)).collect();
        Frame::new(layout, &dmabufs).unwrap()
    }

    fn packed() -> Frame {
        frame(&[plane(0, 64, 32), plane(2048, 64, 16)], &[4096])
    }

    #[track_caller]
    fn expect(frame: &Frame, wishes: fn(Constraints) -> Constraints, misses: Option<&str>) {
        let constraints = wishes(Constraints::of("display"));
        let misfit = misfit(frame, &constraints);
        match misses {
            None => assert_eq!(misfit, None),
            Some(part) => {
                let text = misfit.expect("something is missing");
                assert!(text.contains("display") && text.contains(part), "{text}");
            }
        }
    }

    #[test]
    fn chroma_strides_of_an_allocators_own_are_found() {
        let own = frame(&[plane(0, 64, 32), plane(2048, 128, 16)], &[4096]);
        expect(&packed(), Constraints::derived_strides, None);
        expect(&own, Constraints::derived_strides, Some("[64, 128]"));
    }

    #[test]
    fn gaps_between_planes_are_found_where_the_offset_is_implied() {
        let gap = frame(&[plane(0, 64, 32), plane(2560, 64, 16)], &[4096]);
        expect(&packed(), Constraints::packed_planes, None);
        expect(&gap, Constraints::packed_planes, Some("[0, 2560]"));
        let padded = |it: Constraints| it.packed_planes().row_align(40);
        expect(&gap, padded, None);
        expect(&packed(), padded, Some("[0, 2048]"));
    }

    #[test]
    fn several_dmabufs_are_found_where_one_is_wanted_and_the_other_way_round() {
        let split = frame(&[plane(0, 64, 32), plane(0, 64, 16)], &[4096, 4096]);
        expect(&split, |it| it.topology(Topology::PER_PLANE), None);
        expect(&packed(), |it| it.topology(Topology::ONE), None);
        let one = |it: Constraints| it.topology(Topology::ONE);
        expect(&split, one, Some("2 of them"));
        let several = |it: Constraints| it.topology(Topology::PER_PLANE);
        expect(&packed(), several, Some("one for all planes"));
        expect(&split, Constraints::packed_planes, None);
    }

    #[test]
    fn missing_room_behind_rows_and_planes_is_found() {
        expect(&packed(), |it| it.tail(1024), None);
        expect(&packed(), |it| it.tail(1025), Some("room for 1024"));
        expect(&packed(), |it| it.rows_min(32), None);
        expect(&packed(), |it| it.rows_min(33), Some("plane 0"));
        expect(&packed(), |it| it.row_align(48), Some("2048 of 3072"));
    }
}
