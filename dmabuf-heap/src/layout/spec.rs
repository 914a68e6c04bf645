use std::fmt;

use crate::{Fourcc, Modifier};

/// What the CPU will do with the pixels. Decides whether memory must be mappable, and prefers cached memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CpuUse {
    /// Only devices touch the pixels.
    #[default]
    None,
    /// The CPU looks at them.
    Read,
    /// The CPU makes them.
    Write,
    /// Both.
    ReadWrite,
}

impl CpuUse {
    /// What serves both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, one) | (one, Self::None) => one,
            (Self::Read, Self::Read) => Self::Read,
            (Self::Write, Self::Write) => Self::Write,
            _ => Self::ReadWrite,
        }
    }
}

impl fmt::Display for CpuUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "no access",
            Self::Read => "reading",
            Self::Write => "writing",
            Self::ReadWrite => "reading and writing",
        })
    }
}

/// The picture that is wanted, without a word on how it lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameSpec {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The pixels.
    pub fourcc: Fourcc,
    /// Their order in memory.
    pub modifier: Modifier,
    /// What the CPU does with them.
    pub cpu: CpuUse,
}

impl FrameSpec {
    /// A linear picture that only devices touch.
    pub const fn new(fourcc: Fourcc, width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            fourcc,
            modifier: Modifier::LINEAR,
            cpu: CpuUse::None,
        }
    }
}
