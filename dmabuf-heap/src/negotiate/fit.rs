use std::sync::Arc;

use crate::{Constraints, DmaBuf, Frame, Need, PlaneLayout};

/// What a frame lacks that somebody needs, with the name of who needs it. Allocators may choose larger strides than they
/// were asked for, and not all importers can be asked what they make of them.
pub(super) fn misfit(frame: &Frame, constraints: &Constraints) -> Option<String> {
    let (planes, modifier) = (frame.layout().planes(), frame.layout().modifier());
    let dmabufs: Vec<_> = frame.dmabufs().collect();
    let got = |wish: crate::Wish| {
        let got = match &wish.need {
            Need::Modifiers(allowed) if !allowed.contains(&modifier) => modifier.to_string(),
            need => wrong_plane(need, planes).or_else(|| short_dmabuf(need, &dmabufs))?,
        };
        Some(format!("{wish}, and there is {got}"))
    };
    constraints.wishes().find_map(got)
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

fn short_dmabuf(need: &Need, dmabufs: &[&Arc<DmaBuf>]) -> Option<String> {
    let Need::MinLen { dmabuf, bytes } = *need else {
        return None;
    };
    let len = dmabufs.get(dmabuf)?.len();
    (len < bytes).then(|| format!("one of {len}"))
}
