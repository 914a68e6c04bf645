use crate::{Fourcc, Modifier};

/// What the CPU will do with the pixels. Decides whether memory must be mappable, and prefers cached memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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
