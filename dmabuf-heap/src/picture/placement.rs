use std::fmt;

use super::{Rect, YuvColor};

/// Which part of a frame is shown, where on a display, and in which colours.
///
/// A display is a CRTC or the area of a surface; its left top corner is at 0, 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The part of the frame, in the frame's pixels.
    pub source: Rect,
    /// Where it goes, in pixels of the display. Another size than `source` asks it to scale.
    pub dest: Rect,
    /// Colours of a YUV frame; `None` leaves them to the display.
    pub color: Option<YuvColor>,
}

impl Placement {
    /// `source` in the middle of `area`, pixel by pixel; what is larger than the area is cropped evenly.
    pub fn centered(source: Rect, area: Rect) -> Placement {
        let width = source.width.min(area.width);
        let height = source.height.min(area.height);
        Placement {
            source: Rect::new(
                source.x + even((source.width - width) / 2),
                source.y + even((source.height - height) / 2),
                width,
                height,
            ),
            dest: middle_of(area, width, height),
            color: None,
        }
    }

    /// `source` as large as `area` allows, in the middle, its shape kept. `pixel_aspect` is the width
    /// and height of one source pixel; (1, 1) for square ones, zeros are taken as square.
    pub fn fitted(source: Rect, pixel_aspect: (u32, u32), area: Rect) -> Placement {
        let (numerator, denominator) = match pixel_aspect {
            (0, _) | (_, 0) => (1, 1),
            aspect => aspect,
        };
        let shape_width = u128::from(source.width) * u128::from(numerator);
        let shape_height = u128::from(source.height) * u128::from(denominator);
        let (width, height) = largest(shape_width, shape_height, area);
        Placement {
            source,
            dest: middle_of(area, width, height),
            color: None,
        }
    }

    /// The same place with these colours.
    #[must_use]
    pub fn with_color(self, color: YuvColor) -> Placement {
        Placement {
            color: Some(color),
            ..self
        }
    }
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} of the frame at {} of the screen",
            self.source, self.dest
        )
    }
}

/// Rounds down to even, so that a crop never splits a subsampled pair.
fn even(pixels: u32) -> u32 {
    pixels & !1
}

/// The largest size of the given shape within `area`, at least one pixel each way.
fn largest(shape_width: u128, shape_height: u128, area: Rect) -> (u32, u32) {
    if shape_width == 0 || shape_height == 0 {
        return (area.width, area.height);
    }
    let (area_width, area_height) = (u128::from(area.width), u128::from(area.height));
    let scale = |length: u128, numerator: u128, denominator: u128, limit: u32| {
        let scaled = (length * numerator + denominator / 2) / denominator;
        u32::try_from(scaled)
            .unwrap_or(limit)
            .clamp(1.min(limit), limit)
    };
    if area_width * shape_height <= area_height * shape_width {
        (
            area.width,
            scale(area_width, shape_height, shape_width, area.height),
        )
    } else {
        (
            scale(area_height, shape_width, shape_height, area.width),
            area.height,
        )
    }
}

/// The middle of `area`, which is at least as large.
fn middle_of(area: Rect, width: u32, height: u32) -> Rect {
    Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCREEN: Rect = Rect::new(0, 0, 1024, 768);

    #[test]
    fn a_wide_picture_gets_bars_above_and_below() {
        let placement = Placement::fitted(Rect::new(0, 0, 1280, 720), (1, 1), SCREEN);
        assert_eq!(placement.dest, Rect::new(0, 96, 1024, 576));
    }

    #[test]
    fn a_tall_picture_gets_bars_at_the_sides() {
        let placement = Placement::fitted(Rect::new(0, 0, 600, 800), (1, 1), SCREEN);
        assert_eq!(placement.dest, Rect::new(224, 0, 576, 768));
    }

    #[test]
    fn wide_pixels_stretch_the_picture() {
        let placement = Placement::fitted(Rect::new(0, 0, 720, 576), (64, 45), SCREEN);
        assert_eq!(placement.dest, Rect::new(0, 96, 1024, 576));
    }

    #[test]
    fn a_larger_picture_is_cropped_in_the_middle_on_even_pixels() {
        let placement = Placement::centered(Rect::new(0, 0, 1366, 768), SCREEN);
        assert_eq!(placement.source, Rect::new(170, 0, 1024, 768));
        assert_eq!(placement.dest, SCREEN);
    }

    #[test]
    fn a_smaller_picture_is_centred_unscaled() {
        let placement = Placement::centered(Rect::new(0, 0, 640, 360), SCREEN);
        assert_eq!(placement.source, Rect::new(0, 0, 640, 360));
        assert_eq!(placement.dest, Rect::new(192, 204, 640, 360));
    }

    proptest! {
        #[test]
        fn a_placed_picture_never_leaves_its_area_or_its_frame(
            width in 1_u32..=65_536, height in 1_u32..=65_536,
            aspect in (0_u32..=u32::MAX, 0_u32..=u32::MAX),
            screen_width in 1_u32..=16_384, screen_height in 1_u32..=16_384,
        ) {
            let (source, area) = (Rect::new(0, 0, width, height), Rect::new(0, 0, screen_width, screen_height));
            for placement in [Placement::centered(source, area), Placement::fitted(source, aspect, area)] {
                prop_assert!(placement.source.fits_in(width, height));
                prop_assert!(placement.dest.fits_in(screen_width, screen_height));
                prop_assert!(placement.dest.width > 0 && placement.dest.height > 0);
            }
        }

        #[test]
        fn a_fitted_picture_touches_two_sides_and_keeps_its_shape(
            width in 16_u32..=4096, height in 16_u32..=4096,
            screen_width in 16_u32..=4096, screen_height in 16_u32..=4096,
        ) {
            let dest = Placement::fitted(
                Rect::new(0, 0, width, height), (1, 1), Rect::new(0, 0, screen_width, screen_height),
            ).dest;
            prop_assert!(dest.width == screen_width || dest.height == screen_height);
            let skew = i64::from(dest.width) * i64::from(height) - i64::from(dest.height) * i64::from(width);
            let tolerance = i64::from(width.max(height));
            prop_assert!(skew.abs() <= tolerance || dest.width == 1 || dest.height == 1);
        }
    }
}
