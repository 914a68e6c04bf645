use std::fmt;

use crate::{FrameSpec, LayoutError, PixelFormat, Wish};

use super::contradiction::write_wishes;

/// A picture that no layout suits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SolveError {
    /// It cannot be laid out, whoever takes it.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Importers whose needs cannot be met together in a picture like this.
    #[error("{} cannot be laid out: {}", Picture(spec), Wishes(wishes))]
    Unsuited {
        /// The picture.
        spec: FrameSpec,
        /// The wishes that exclude each other: without any one of them there is a layout. The memory and the modifier
        /// that were asked for are wishes of `the caller`.
        wishes: Vec<Wish>,
    },
}

impl SolveError {
    /// The wishes that exclude each other; none if there is no layout for anybody.
    pub fn wishes(&self) -> &[Wish] {
        match self {
            Self::Layout(_) => &[],
            Self::Unsuited { wishes, .. } => wishes,
        }
    }
}

/// `NV12 at 1282x720 (rows of 1282 and 1282 bytes)`.
struct Picture<'a>(&'a FrameSpec);

impl fmt::Display for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FrameSpec {
            width,
            height,
            fourcc,
            ..
        } = self.0;
        write!(f, "{fourcc} at {width}x{height}")?;
        let planes = PixelFormat::find(*fourcc).map_or(&[][..], PixelFormat::planes);
        let [first, others @ ..] = planes else {
            return Ok(());
        };
        write!(f, " (rows of {}", first.row_bytes(*width))?;
        for plane in others {
            write!(f, " and {}", plane.row_bytes(*width))?;
        }
        f.write_str(" bytes)")
    }
}

struct Wishes<'a>(&'a [Wish]);

impl fmt::Display for Wishes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_wishes(f, self.0)
    }
}
