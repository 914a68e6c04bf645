use super::{Placement, Rect};

/// How a frame is turned or mirrored when it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// As it lies in memory.
    #[default]
    Normal,
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
    AntiTranspose,
}

impl Orientation {
    /// Whether width and height change places.
    pub const fn swaps_sides(self) -> bool {
        matches!(
            self,
            Self::Rotate90 | Self::Rotate270 | Self::Transpose | Self::AntiTranspose
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
            Self::Normal => (part.x, part.y),
            Self::Rotate90 => (from_bottom, part.x),
            Self::Rotate180 => (from_right, from_bottom),
            Self::Rotate270 => (part.y, from_right),
            Self::FlipHorizontal => (from_right, part.y),
            Self::FlipVertical => (part.x, from_bottom),
            Self::Transpose => (part.y, part.x),
            Self::AntiTranspose => (from_bottom, from_right),
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

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Orientation; 8] = [
        Orientation::Normal,
        Orientation::Rotate90,
        Orientation::Rotate180,
        Orientation::Rotate270,
        Orientation::FlipHorizontal,
        Orientation::FlipVertical,
        Orientation::Transpose,
        Orientation::AntiTranspose,
    ];

    #[test]
    fn a_corner_goes_where_the_turn_takes_it() {
        // The left top corner of 8x4 pixels.
        let corner = Rect::new(0, 0, 2, 1);
        let places = ALL.map(|orientation| orientation.turned_rect(corner, (8, 4)));
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
        for orientation in ALL {
            let half = twice(orientation, part);
            let is_quarter = matches!(orientation, Orientation::Rotate90 | Orientation::Rotate270);
            let whole = if is_quarter {
                twice(orientation, half)
            } else {
                half
            };
            assert_eq!(whole, part, "{orientation:?}");
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
