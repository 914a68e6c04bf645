use std::fmt;
use std::sync::Arc;

use crate::{CpuUse, Modifier, Topology};

/// One condition on memory or layout. Displays as what is wanted: `strides that are multiples of 256 bytes`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Need {
    /// Contiguous in the device's address space.
    Contiguous,
    /// Below two to the power of this.
    AddressBits(u32),
    /// Every stride is a multiple of so many bytes.
    StrideAlign(u32),
    /// The stride of one plane has at least so many bytes.
    StrideMin {
        /// Index of the plane.
        plane: usize,
        /// Bytes.
        bytes: u32,
    },
    /// No stride has more bytes.
    StrideMax(u32),
    /// The stride of one plane, exactly.
    Stride {
        /// Index of the plane.
        plane: usize,
        /// Bytes.
        bytes: u32,
    },
    /// The strides of the further planes follow from the first by V4L2's rule.
    DerivedStrides,
    /// Every offset is a multiple of so many bytes.
    OffsetAlign(u64),
    /// No plane starts at more bytes.
    OffsetMax(u64),
    /// Each plane starts where the rows of the one before it end, with this padding of the rows and no other.
    PackedPlanes {
        /// As [`RowAlign`](Self::RowAlign).
        row_align: u32,
        /// As [`RowsMin`](Self::RowsMin).
        rows_min: u32,
    },
    /// The rows of the first plane are padded to a multiple of this.
    RowAlign(u32),
    /// The rows of the first plane are padded to at least this.
    RowsMin(u32),
    /// Readable bytes behind the last plane.
    Tail(u64),
    /// The length of one dma-buf.
    MinLen {
        /// Index of the dma-buf.
        dmabuf: usize,
        /// Bytes.
        bytes: u64,
    },
    /// How the planes are spread over dma-bufs.
    Topology(Topology),
    /// One of these, in rising order.
    Modifiers(Arc<[Modifier]>),
    /// The CPU touches the pixels.
    Cpu(CpuUse),
    /// The memory is closed to the CPU, or open.
    Protected(bool),
    /// Frames that are held at once.
    MinBuffers(u32),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contiguous => f.write_str("contiguous memory"),
            Self::AddressBits(bits) => write!(f, "memory within {bits} address bits"),
            Self::StrideAlign(bytes) => write!(f, "strides that are multiples of {bytes} bytes"),
            Self::StrideMin { plane, bytes } => {
                write!(f, "a stride of at least {bytes} bytes for plane {plane}")
            }
            Self::StrideMax(bytes) => write!(f, "strides of at most {bytes} bytes"),
            Self::Stride { plane, bytes } => {
                write!(f, "a stride of {bytes} bytes for plane {plane}")
            }
            Self::DerivedStrides => f.write_str("chroma strides that follow from the first stride"),
            Self::OffsetAlign(bytes) => write!(f, "offsets that are multiples of {bytes} bytes"),
            Self::OffsetMax(bytes) => write!(f, "offsets of at most {bytes} bytes"),
            Self::PackedPlanes {
                row_align,
                rows_min,
            } => {
                f.write_str("each plane right behind the one before it")?;
                if *row_align > 1 {
                    write!(f, ", with rows padded to a multiple of {row_align}")?;
                }
                if *rows_min > 0 {
                    write!(f, ", with at least {rows_min} rows")?;
                }
                Ok(())
            }
            Self::RowAlign(rows) => write!(f, "rows padded to a multiple of {rows}"),
            Self::RowsMin(rows) => write!(f, "at least {rows} rows with padding"),
            Self::Tail(bytes) => write!(f, "{bytes} readable bytes behind the last plane"),
            Self::MinLen { dmabuf, bytes } => {
                write!(f, "at least {bytes} bytes in dma-buf {dmabuf}")
            }
            Self::Topology(topology) => topology.fmt(f),
            Self::Modifiers(modifiers) => write_modifiers(f, modifiers),
            Self::Cpu(cpu) => write!(f, "memory for {cpu} by the CPU"),
            Self::Protected(true) => f.write_str("protected memory"),
            Self::Protected(false) => f.write_str("memory that is not protected"),
            Self::MinBuffers(count) => write!(f, "at least {count} frames"),
        }
    }
}

fn write_modifiers(f: &mut fmt::Formatter<'_>, modifiers: &[Modifier]) -> fmt::Result {
    let [first, others @ ..] = modifiers else {
        return f.write_str("no modifier at all");
    };
    write!(f, "the modifier {first}")?;
    others.iter().try_for_each(|other| write!(f, " or {other}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_read_as_what_is_wanted() {
        let modifiers = Need::Modifiers([Modifier::LINEAR, Modifier(1 << 56)].into());
        for (need, text) in [
            (
                Need::Stride {
                    plane: 1,
                    bytes: 640,
                },
                "a stride of 640 bytes for plane 1",
            ),
            (
                Need::StrideAlign(256),
                "strides that are multiples of 256 bytes",
            ),
            (
                Need::Topology(Topology::PER_PLANE),
                "a dma-buf for each plane",
            ),
            (Need::Cpu(CpuUse::Read), "memory for reading by the CPU"),
            (modifiers, "the modifier linear or 0x0100000000000000"),
            (Need::Modifiers([].into()), "no modifier at all"),
            (
                Need::PackedPlanes {
                    row_align: 16,
                    rows_min: 1088,
                },
                "each plane right behind the one before it, with rows padded to a multiple of 16, with at least 1088 rows",
            ),
        ] {
            assert_eq!(need.to_string(), text);
        }
    }
}
