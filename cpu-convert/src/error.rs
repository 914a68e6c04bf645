use dmabuf_heap::{AccessError, Fourcc, Frame, MapError};

use crate::{End, Picture};

/// A conversion that failed. The target may be half written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The frame is not the picture that the conversion was made for.
    #[error("the conversion {end} {expected} was given {frame}")]
    Mismatch {
        /// Which end.
        end: End,
        /// What it was made for.
        expected: Picture,
        /// What it was given.
        frame: Frame,
    },
    /// Both frames lie in one dma-buf.
    #[error(
        "cannot convert within the dma-buf with inode {inode}: source and target must lie in different ones"
    )]
    SameMemory {
        /// The dma-buf.
        inode: u64,
    },
    /// The memory cannot be mapped, or its exporter failed at a SYNC.
    #[error("cannot convert {end} {fourcc}: {source}")]
    Map {
        /// Which end.
        end: End,
        /// The format of that end.
        fourcc: Fourcc,
        /// Why.
        source: MapError,
    },
    /// Planes that lie one over the other.
    #[error("cannot convert {end} {fourcc}: {source}")]
    Access {
        /// Which end.
        end: End,
        /// The format of that end.
        fourcc: Fourcc,
        /// Why.
        source: AccessError,
    },
    /// Another number of planes than the format has.
    #[error("{fourcc} has {expected} planes, {got} were given to convert {end}")]
    PlaneCount {
        /// Which end.
        end: End,
        /// The format of that end.
        fourcc: Fourcc,
        /// Planes of the format.
        expected: usize,
        /// Planes given.
        got: usize,
    },
    /// A plane that does not hold its pixels.
    #[error(
        "plane {plane} {end} {picture} needs {rows} rows of {row_bytes} bytes, and has {len} bytes with stride {stride}"
    )]
    PlaneTooSmall {
        /// Which end.
        end: End,
        /// The picture of that end.
        picture: Picture,
        /// Index of the plane.
        plane: usize,
        /// Rows of the plane.
        rows: usize,
        /// Bytes of pixels in a row.
        row_bytes: usize,
        /// Bytes given.
        len: usize,
        /// Bytes.
        stride: usize,
    },
}
