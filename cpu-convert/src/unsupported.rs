use std::fmt;
use std::io;

use dmabuf_heap::{Fourcc, Rect};

use crate::Picture;

/// One end of a conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// Where pixels are read.
    From,
    /// Where pixels are written.
    To,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::From => "from",
            Self::To => "to",
        })
    }
}

/// A conversion that this crate does not do, and which step of it is missing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// Pixels of another kind.
    #[error("the CPU converts no pixels {end} {fourcc}; it knows {known}")]
    Format {
        /// Where.
        end: End,
        /// The format.
        fourcc: Fourcc,
        /// The formats that it knows.
        known: String,
    },
    /// No pixels, or so many that a side does not fit in 16 bits.
    #[error("the CPU converts pictures of 1x1 to 65535x65535 pixels, and not {end} {picture}")]
    Size {
        /// Where.
        end: End,
        /// The picture.
        picture: Picture,
    },
    /// The crop leaves nothing, or reaches beyond the picture.
    #[error("the crop {crop} is no part of the {width}x{height} pixels that are to be read")]
    Crop {
        /// Wanted.
        crop: Rect,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The system gives no more threads.
    #[error("cannot start {threads} threads to convert with, fewer may work: {source}")]
    Threads {
        /// Wanted.
        threads: usize,
        /// Why.
        source: io::Error,
    },
}
