use std::fmt;

use super::{Placement, Rect};

/// How a picture is turned or mirrored: the eight values of EXIF's orientation tag, and of GStreamer's `GstVideoOrientationMethod`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// As it lies in memory.
    #[default]
    Identity,
    /// A quarter turn clockwise.
    Rotate90,
    /// Upside down.
    Rotate180,
    /// A quarter turn counter-clockwise.
    Rotate270,
    /// Left and right change places.
    FlipHorizontal,
    /// Top and bottom change places.
    FlipVertical,
    /// Mirrored on the diagonal through the left top corner: rows become columns.
    Transpose,
    /// Mirrored on the diagonal through the right top corner.
    Transverse,
}

impl Orientation {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::Rotate90,
        Self::Rotate180,
        Self::Rotate270,
        Self::FlipHorizontal,
        Self::FlipVertical,
        Self::Transpose,
        Self::Transverse,
    ];

    /// Whether width and height change places.
    pub const fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::Rotate90 | Self::Rotate270 | Self::Transpose | Self::Transverse
        )
    }

    /// The orientation that undoes this one.
    #[must_use]
    pub const fn inverse(self) -> Self {
        match self {
            Self::Rotate90 => Self::Rotate270,
            Self::Rotate270 => Self::Rotate90,
            mirror_or_half_turn => mirror_or_half_turn,
        }
    }

    /// Whether columns are taken from right to left, before rows and columns change places if they do.
    pub const fn mirrors_columns(self) -> bool {
        matches!(
            self,
            Self::FlipHorizontal | Self::Rotate180 | Self::Rotate270 | Self::Transverse
        )
    }

    /// Whether rows are taken from bottom to top, before rows and columns change places if they do.
    pub const fn mirrors_rows(self) -> bool {
        matches!(
            self,
            Self::FlipVertical | Self::Rotate180 | Self::Rotate90 | Self::Transverse
        )
    }

    /// What width and height, or the sides of a pixel, become.
    pub const fn turned(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        }
    }

    /// Where a part of a frame of `width` × `height` pixels, in which it must lie, is when the frame is turned.
    pub fn turned_rect(self, part: Rect, (width, height): (u32, u32)) -> Rect {
        let from_right = width.saturating_sub(part.x.saturating_add(part.width));
        let from_bottom = height.saturating_sub(part.y.saturating_add(part.height));
        let (x, y) = match self {
            Self::Identity => (part.x, part.y),
            Self::Rotate90 => (from_bottom, part.x),
            Self::Rotate180 => (from_right, from_bottom),
            Self::Rotate270 => (part.y, from_right),
            Self::FlipHorizontal => (from_right, part.y),
            Self::FlipVertical => (part.x, from_bottom),
            Self::Transpose => (part.y, part.x),
            Self::Transverse => (from_bottom, from_right),
        };
        let (width, height) = self.turned((part.width, part.height));
        Rect::new(x, y, width, height)
    }

    /// [`Placement::fitted`], with the shape that `source` has when it is turned.
    pub fn fitted(self, source: Rect, pixel_aspect: (u32, u32), area: Rect) -> Placement {
        let (width, height) = self.turned((source.width, source.height));
        let shape = Rect::new(0, 0, width, height);
        Placement {
            source,
            ..Placement::fitted(shape, self.turned(pixel_aspect), area)
        }
    }
}

impl fmt::Display for Orientation {
    /// As in `turned by 90 degrees`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identity => "as it is",
            Self::Rotate90 => "turned by 90 degrees",
            Self::Rotate180 => "turned by 180 degrees",
            Self::Rotate270 => "turned by 270 degrees",
            Self::FlipHorizontal => "flipped horizontally",
            Self::FlipVertical => "flipped vertically",
            Self::Transpose => "mirrored at the diagonal",
            Self::Transverse => "mirrored at the other diagonal",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corner_goes_where_the_turn_takes_it() {
        // The left top corner of 8x4 pixels.
        let corner = Rect::new(0, 0, 2, 1);
        let places = Orientation::ALL.map(|orientation| orientation.turned_rect(corner, (8, 4)));
        let expected = [
            (0, 0, 2, 1),
            (3, 0, 1, 2),
            (6, 3, 2, 1),
            (0, 6, 1, 2),
            (6, 0, 2, 1),
            (0, 3, 2, 1),
            (0, 0, 1, 2),
            (3, 6, 1, 2),
        ];
        assert_eq!(
            places,
            expected.map(|(x, y, width, height)| Rect::new(x, y, width, height))
        );
    }

    #[test]
    fn four_quarter_turns_and_two_mirrorings_change_nothing() {
        let (part, size) = (Rect::new(1, 2, 3, 1), (8, 4));
        let twice = |orientation: Orientation, part| {
            let once = orientation.turned_rect(part, size);
            orientation.turned_rect(once, orientation.turned(size))
        };
        for orientation in Orientation::ALL {
            let half = twice(orientation, part);
            let is_quarter = orientation.inverse() != orientation;
            let whole = if is_quarter {
                twice(orientation, half)
            } else {
                half
            };
            assert_eq!(whole, part, "{orientation:?}");
        }
    }

    #[test]
    fn an_orientation_and_its_inverse_change_nothing() {
        let (part, size) = (Rect::new(1, 2, 3, 1), (8, 4));
        for orientation in Orientation::ALL {
            let there = orientation.turned_rect(part, size);
            let back = orientation
                .inverse()
                .turned_rect(there, orientation.turned(size));
            assert_eq!(back, part, "{orientation:?}");
        }
    }

    #[test]
    fn mirrorings_and_the_swap_of_sides_say_where_a_corner_goes() {
        let corner = Rect::new(0, 0, 1, 1);
        for orientation in Orientation::ALL {
            let x = if orientation.mirrors_columns() { 7 } else { 0 };
            let y = if orientation.mirrors_rows() { 3 } else { 0 };
            let (x, y) = orientation.turned((x, y));
            let found = orientation.turned_rect(corner, (8, 4));
            assert_eq!((found.x, found.y), (x, y), "{orientation:?}");
        }
    }

    #[test]
    fn a_turned_picture_has_its_turned_shape() {
        let screen = Rect::new(0, 0, 1024, 768);
        let source = Rect::new(0, 0, 720, 576);
        let placement = Orientation::Rotate90.fitted(source, (64, 45), screen);
        assert_eq!(placement.source, source);
        assert_eq!(placement.dest, Rect::new(296, 0, 432, 768));
    }
}
