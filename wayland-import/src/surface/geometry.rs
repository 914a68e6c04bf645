//! From a placement to the numbers of `wp_viewport` and `wl_subsurface`.

use dmabuf_heap::{Orientation, Placement, Rect};
use wayland_client::protocol::wl_output::Transform;

/// A placement that was checked against the frame, in the numbers of the protocol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Geometry {
    /// How the frame is turned, as `wl_surface.set_buffer_transform` says it.
    pub(super) transform: Transform,
    /// x, y, width and height in pixels of the turned frame.
    pub(super) source: (f64, f64, f64, f64),
    /// From the left top corner of the area.
    pub(super) position: (i32, i32),
    /// In logical pixels.
    pub(super) size: (i32, i32),
}

impl Geometry {
    /// Checks a placement of a frame of `size` pixels; the error says what is wrong with it.
    ///
    /// A source beyond the frame or an empty one ends the connection (`wp_viewport.out_of_buffer`, `bad_value`), so none is
    /// sent.
    pub(super) fn new(
        placement: &Placement,
        orientation: Orientation,
        size: (u32, u32),
        has_viewporter: bool,
    ) -> Result<Geometry, &'static str> {
        let Placement { source, dest, .. } = *placement;
        if source.width == 0 || source.height == 0 {
            return Err("the source is empty");
        }
        if !source.fits_in(size.0, size.1) {
            return Err("the source reaches beyond the frame");
        }
        let source = orientation.turned_rect(source, size);
        let size = orientation.turned(size);
        if dest.width == 0 || dest.height == 0 {
            return Err("the destination is empty");
        }
        // The limit of wl_fixed, in which sources are sent.
        if source.x + source.width > 1 << 23 || source.y + source.height > 1 << 23 {
            return Err("the source is beyond the 24 bits of wl_fixed");
        }
        let is_whole = source == Rect::new(0, 0, size.0, size.1);
        let is_unscaled = (source.width, source.height) == (dest.width, dest.height);
        if !(has_viewporter || is_whole && is_unscaled) {
            return Err(
                "the compositor can neither crop nor scale, it has no wp_viewporter; convert the frames to the size that is shown",
            );
        }
        let number = |pixels: u32| {
            i32::try_from(pixels).map_err(|_too_large| "the destination is beyond 31 bits")
        };
        Ok(Geometry {
            transform: transform_of(orientation),
            source: (
                source.x.into(),
                source.y.into(),
                source.width.into(),
                source.height.into(),
            ),
            position: (number(dest.x)?, number(dest.y)?),
            size: (number(dest.width)?, number(dest.height)?),
        })
    }
}

/// A client names the transform that its buffer has undergone, and the compositor undoes it.
fn transform_of(orientation: Orientation) -> Transform {
    match orientation {
        Orientation::Identity => Transform::Normal,
        Orientation::Rotate90 => Transform::_90,
        Orientation::Rotate180 => Transform::_180,
        Orientation::Rotate270 => Transform::_270,
        Orientation::FlipHorizontal => Transform::Flipped,
        Orientation::FlipVertical => Transform::Flipped180,
        Orientation::Transpose => Transform::Flipped90,
        Orientation::Transverse => Transform::Flipped270,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FRAME: (u32, u32) = (640, 360);
    const WHOLE: Rect = Rect::new(0, 0, 640, 360);

    fn placed(source: Rect, dest: Rect) -> Placement {
        Placement {
            source,
            dest,
            color: None,
        }
    }

    fn upright(
        placement: &Placement,
        size: (u32, u32),
        has_viewporter: bool,
    ) -> Result<Geometry, &'static str> {
        Geometry::new(placement, Orientation::Identity, size, has_viewporter)
    }

    #[test]
    fn a_crop_of_a_turned_frame_is_sent_as_it_lies_then() {
        let placement = placed(Rect::new(16, 8, 320, 180), Rect::new(0, 0, 180, 320));
        let geometry = Geometry::new(&placement, Orientation::Rotate90, FRAME, true).unwrap();
        // 172 rows are below it.
        assert_eq!(geometry.source, (172.0, 16.0, 180.0, 320.0));
        assert_eq!(geometry.transform, Transform::_90);
    }

    #[test]
    fn without_a_viewporter_a_turned_frame_is_shown_whole() {
        let placement = placed(WHOLE, Rect::new(0, 0, 360, 640));
        assert!(Geometry::new(&placement, Orientation::Transpose, FRAME, false).is_ok());
        assert!(upright(&placement, FRAME, false).is_err());
    }

    #[test]
    fn a_fitted_frame_is_scaled_to_its_place() {
        let area = Rect::new(0, 0, 1024, 768);
        let placement = Placement::fitted(WHOLE, (1, 1), area);
        let geometry = upright(&placement, FRAME, true).unwrap();
        assert_eq!(geometry.source, (0.0, 0.0, 640.0, 360.0));
        assert_eq!((geometry.position, geometry.size), ((0, 96), (1024, 576)));
    }

    #[test]
    fn a_crop_is_sent_in_pixels_of_the_frame() {
        let placement = placed(Rect::new(16, 8, 320, 180), Rect::new(0, 0, 320, 180));
        let geometry = upright(&placement, FRAME, true).unwrap();
        assert_eq!(geometry.source, (16.0, 8.0, 320.0, 180.0));
    }

    #[test]
    fn without_a_viewporter_only_whole_unscaled_frames_are_shown() {
        assert!(upright(&placed(WHOLE, Rect::new(5, 6, 640, 360)), FRAME, false).is_ok());
        for placement in [
            placed(WHOLE, Rect::new(0, 0, 320, 180)),
            placed(Rect::new(0, 0, 320, 180), Rect::new(0, 0, 320, 180)),
        ] {
            let reason = upright(&placement, FRAME, false).unwrap_err();
            assert!(reason.contains("wp_viewporter"), "{reason}");
        }
    }

    #[test]
    fn what_would_end_the_connection_is_refused() {
        let dest = Rect::new(0, 0, 10, 10);
        for placement in [
            placed(Rect::new(0, 0, 641, 360), dest),
            placed(Rect::new(640, 0, 1, 1), dest),
            placed(Rect::new(0, 0, 0, 360), dest),
            placed(WHOLE, Rect::new(0, 0, 0, 10)),
            placed(WHOLE, Rect::new(0, 0, u32::MAX, 10)),
        ] {
            assert!(upright(&placement, FRAME, true).is_err(), "{placement}");
        }
    }

    proptest! {
        #[test]
        fn no_placement_makes_the_arithmetic_panic_or_leave_the_frame(
            source in any::<[u32; 4]>(), dest in any::<[u32; 4]>(), size in any::<(u32, u32)>(), scales in any::<bool>(),
            is_turned in any::<bool>(),
        ) {
            let rect = |[x, y, width, height]: [u32; 4]| Rect::new(x, y, width, height);
            let placement = placed(rect(source), rect(dest));
            let orientation = if is_turned { Orientation::Transverse } else { Orientation::Identity };
            if let Ok(geometry) = Geometry::new(&placement, orientation, size, scales) {
                let size = orientation.turned(size);
                prop_assert!(geometry.source.0 + geometry.source.2 <= f64::from(size.0));
                prop_assert!(geometry.source.1 + geometry.source.3 <= f64::from(size.1));
                prop_assert!(geometry.size.0 > 0 && geometry.size.1 > 0);
            }
        }
    }
}
