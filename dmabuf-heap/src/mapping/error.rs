use std::io;

use crate::{Format, FrameLayout};

/// Memory that the CPU cannot have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// `mmap` failed. EINVAL comes from protected heaps, ENOMEM from a lack of address space.
    #[error("cannot map the {len} bytes of the dma-buf with inode {inode} for the CPU: {errno}")]
    Map {
        /// The dma-buf.
        inode: u64,
        /// Bytes.
        len: u64,
        /// Why.
        errno: io::Error,
    },
    /// A 32-bit process and a frame beyond 4 GiB.
    #[error("the {len} bytes of the frame do not fit in the address space of this process")]
    AddressSpace {
        /// Bytes.
        len: u64,
    },
    /// The dma-buf was exported without write access.
    #[error(
        "the dma-buf with inode {inode} was exported read-only; its exporter must open it O_RDWR for the CPU to write"
    )]
    ReadOnly {
        /// The dma-buf.
        inode: u64,
    },
    /// `DMA_BUF_IOCTL_SYNC` failed.
    #[error(
        "the exporter of the dma-buf with inode {inode} failed at DMA_BUF_SYNC_{edge} for {direction}: {errno}"
    )]
    Sync {
        /// START or END.
        edge: &'static str,
        /// read or write.
        direction: &'static str,
        /// The dma-buf.
        inode: u64,
        /// Why.
        errno: io::Error,
    },
}

/// A copy in or out that does not fit the frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The frame has fewer planes.
    #[error("there is no plane {plane}: the frame has {planes}")]
    NoSuchPlane {
        /// Index asked for.
        plane: usize,
        /// Planes of the frame.
        planes: usize,
    },
    /// The plane has fewer rows.
    #[error("there is no row {row} in plane {plane}: it has {rows}")]
    NoSuchRow {
        /// Index of the plane.
        plane: usize,
        /// Index asked for.
        row: u32,
        /// Rows of the plane.
        rows: u32,
    },
    /// The caller's slice has another length than what is to be copied.
    #[error("a slice of {got} bytes was given for {expected} bytes of plane {plane}")]
    WrongLen {
        /// Index of the plane.
        plane: usize,
        /// Bytes to be copied.
        expected: usize,
        /// Bytes of the slice.
        got: usize,
    },
    /// Rows of tiled memory are not one behind the other.
    #[error("{format} has no rows that could be copied one by one: it is not linear")]
    NotLinear {
        /// The format of the frame.
        format: Format,
    },
    /// The same bytes belong to two planes, so that they cannot be written as slices.
    #[error("planes {first} and {second} of the frame lie one over the other")]
    Overlap {
        /// Index of a plane.
        first: usize,
        /// Index of another.
        second: usize,
    },
    /// The two frames are not alike.
    #[error("cannot copy {} {}x{} into {} {}x{}", from.format(), from.width(), from.height(), to.format(), to.width(), to.height())]
    Mismatch {
        /// The layout that was to be read.
        from: Box<FrameLayout>,
        /// The layout that was to be written.
        to: Box<FrameLayout>,
    },
}
