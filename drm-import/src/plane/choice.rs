//! The order in which planes are tried for a format.
//!
//! Which plane really takes a frame only the driver knows (`TEST_ONLY`). This decides what to ask first:
//! the plane in use, so that nothing flickers when only the size changes; then the primary plane, which
//! needs no other plane beneath it; then overlays; a cursor plane never.

use dmabuf_heap::{Format, FormatSet, Modifier};

/// What a plane is for (`enum drm_plane_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PlaneKind {
    /// The plane that many drivers want on whenever the CRTC is.
    Primary,
    /// A plane above or below the primary one.
    Overlay,
    /// A small plane for a pointer; never used for video.
    Cursor,
}

/// What the choice is made of.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<'a> {
    pub(crate) id: u32,
    pub(crate) kind: PlaneKind,
    pub(crate) formats: &'a FormatSet,
}

/// Indices of the planes that list `format`, the best one first. `wanted` is the user's choice and
/// excludes all others; `current` is the plane in use.
pub(crate) fn order(
    planes: &[Candidate<'_>],
    format: Format,
    wanted: Option<u32>,
    current: Option<u32>,
) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..planes.len())
        .filter(|&index| {
            let plane = &planes[index];
            match wanted {
                Some(id) => plane.id == id,
                None => plane.kind != PlaneKind::Cursor,
            }
        })
        .filter(|&index| takes(planes[index].formats, format))
        .collect();
    indices.sort_by_key(|&index| {
        let plane = &planes[index];
        (Some(plane.id) != current, plane.kind, index)
    });
    indices
}

/// Whether a plane with these formats takes a frame of `format`. A frame with an implicit layout goes
/// wherever its fourcc does: the driver asks the exporter, or takes it as linear.
pub(crate) fn takes(formats: &FormatSet, format: Format) -> bool {
    formats.contains(format)
        || (format.modifier == Modifier::INVALID
            && formats.contains(Format {
                fourcc: format.fourcc,
                modifier: Modifier::LINEAR,
            }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmabuf_heap::Fourcc;

    const NV12: Format = Format {
        fourcc: Fourcc::NV12,
        modifier: Modifier::LINEAR,
    };
    const XRGB: Format = Format {
        fourcc: Fourcc::XRGB8888,
        modifier: Modifier::LINEAR,
    };

    fn set(formats: &[Format]) -> FormatSet {
        formats.iter().copied().collect()
    }

    fn card<'a>(rgb: &'a FormatSet, all: &'a FormatSet) -> Vec<Candidate<'a>> {
        [
            (31, PlaneKind::Primary, rgb),
            (41, PlaneKind::Cursor, all),
            (51, PlaneKind::Overlay, all),
            (61, PlaneKind::Overlay, all),
        ]
        .map(|(id, kind, formats)| Candidate { id, kind, formats })
        .to_vec()
    }

    #[test]
    fn the_primary_plane_comes_first_where_it_takes_the_format() {
        let (rgb, all) = (set(&[XRGB]), set(&[XRGB, NV12]));
        assert_eq!(order(&card(&rgb, &all), XRGB, None, None), [0, 2, 3]);
    }

    #[test]
    fn a_format_the_primary_lacks_goes_to_the_overlays_and_never_to_the_cursor() {
        let (rgb, all) = (set(&[XRGB]), set(&[XRGB, NV12]));
        assert_eq!(order(&card(&rgb, &all), NV12, None, None), [2, 3]);
    }

    #[test]
    fn the_plane_in_use_is_kept_if_it_can() {
        let (rgb, all) = (set(&[XRGB]), set(&[XRGB, NV12]));
        assert_eq!(order(&card(&rgb, &all), XRGB, None, Some(61)), [3, 0, 2]);
        assert_eq!(order(&card(&rgb, &all), NV12, None, Some(31)), [2, 3]);
    }

    #[test]
    fn a_plane_the_user_names_is_the_only_one() {
        let (rgb, all) = (set(&[XRGB]), set(&[XRGB, NV12]));
        assert_eq!(order(&card(&rgb, &all), NV12, Some(61), None), [3]);
        assert_eq!(order(&card(&rgb, &all), NV12, Some(31), None), [0_usize; 0]);
        assert_eq!(
            order(&card(&rgb, &all), NV12, Some(41), None),
            [1],
            "even a cursor, if named"
        );
    }

    #[test]
    fn an_implicit_layout_goes_where_linear_goes() {
        let linear = set(&[NV12]);
        let implicit = Format {
            modifier: Modifier::INVALID,
            ..NV12
        };
        let tiled = Format {
            modifier: Modifier(0x0300_0000_0000_0001),
            ..NV12
        };
        assert!(takes(&linear, implicit));
        assert!(!takes(&linear, tiled));
    }
}
