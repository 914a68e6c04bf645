/// How a picture is turned and mirrored: the eight values of EXIF's orientation tag, and of `GstVideoOrientationMethod`.
///
/// Turns are clockwise, as the picture is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// As it is.
    #[default]
    Identity,
    /// A quarter turn.
    Rotate90,
    /// Half a turn.
    Rotate180,
    /// Three quarter turns.
    Rotate270,
    /// Left becomes right.
    FlipHorizontal,
    /// Top becomes bottom.
    FlipVertical,
    /// Mirrored at the line from the upper left to the lower right corner: rows become columns.
    Transpose,
    /// Mirrored at the line from the upper right to the lower left corner.
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

    /// Whether columns of the source are taken from right to left, before rows and columns change places.
    pub(crate) const fn mirrors_columns(self) -> bool {
        matches!(
            self,
            Self::FlipHorizontal | Self::Rotate180 | Self::Rotate270 | Self::Transverse
        )
    }

    /// Whether rows of the source are taken from bottom to top, before rows and columns change places.
    pub(crate) const fn mirrors_rows(self) -> bool {
        matches!(
            self,
            Self::FlipVertical | Self::Rotate180 | Self::Rotate90 | Self::Transverse
        )
    }
}
