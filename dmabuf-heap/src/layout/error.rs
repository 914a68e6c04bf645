use crate::{Format, Fourcc, MAX_PLANES};

/// A picture that cannot be laid out as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A picture without pixels.
    #[error("a picture of {width}x{height} has no pixels; width and height must be at least 1")]
    Empty {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// The pixel-format table does not have this fourcc, so nobody knows how large it is.
    #[error("cannot lay out {0}: its pixel format is not in the table of linear formats")]
    UnknownFormat(Fourcc),
    /// Only linear memory can be laid out without the driver that tiles it.
    #[error(
        "cannot lay out {0} in memory of a heap: only its driver knows that layout; ask for the modifier linear"
    )]
    NotLinear(Format),
    /// An alignment of 0.
    #[error("a stride alignment of 0 bytes was asked for; 1 means no alignment")]
    ZeroAlignment,
    /// A stride or a size leaves the numbers that the kernel can hold, also by a huge alignment or offset.
    #[error(
        "{fourcc} at {width}x{height} is too large: a stride must fit in 32 bits and a buffer in 63"
    )]
    TooLarge {
        /// What was to be laid out.
        fourcc: Fourcc,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// More or fewer planes than the format has.
    #[error("{fourcc} has {expected} planes, {got} were given (at most {MAX_PLANES} are possible)")]
    PlaneCount {
        /// The format.
        fourcc: Fourcc,
        /// Planes of the format.
        expected: usize,
        /// Planes given.
        got: usize,
    },
    /// The stride does not hold one row.
    #[error(
        "plane {plane} of {fourcc} at {width} pixels: a stride of {stride} bytes does not hold a row of {row_bytes}"
    )]
    StrideTooSmall {
        /// The format.
        fourcc: Fourcc,
        /// Index of the plane.
        plane: usize,
        /// Pixels.
        width: u32,
        /// Bytes given.
        stride: u32,
        /// Bytes needed.
        row_bytes: u64,
    },
    /// The plane does not hold all its rows.
    #[error("plane {plane} of {fourcc}: {len} bytes do not hold {rows} rows of {stride} bytes")]
    PlaneTooShort {
        /// The format.
        fourcc: Fourcc,
        /// Index of the plane.
        plane: usize,
        /// Bytes given.
        len: u64,
        /// Rows of the plane.
        rows: u32,
        /// Bytes from row to row.
        stride: u32,
    },
    /// Two planes of one dma-buf want the same bytes.
    #[error(
        "planes {first} and {second} of {fourcc} overlap: plane {second} starts at byte {offset}, before the end of plane {first}"
    )]
    Overlap {
        /// The format.
        fourcc: Fourcc,
        /// Index of the plane that lies lower.
        first: usize,
        /// Index of the plane that starts inside it.
        second: usize,
        /// Where `second` starts, in bytes.
        offset: u64,
    },
}
