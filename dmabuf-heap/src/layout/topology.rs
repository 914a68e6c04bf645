use std::fmt;

bitflags::bitflags! {
    /// How the planes of a picture are spread over dma-bufs; as a condition, which ways are possible.
    ///
    /// A picture of one plane is both.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct Topology: u8 {
        /// All planes in one dma-buf: V4L2's `NV12`.
        const ONE = 1;
        /// Each plane at the start of a dma-buf of its own: V4L2's `NV12M`.
        const PER_PLANE = 2;
    }
}

/// Either way is possible.
impl Default for Topology {
    fn default() -> Self {
        Self::all()
    }
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match *self {
            Self::ONE => "all planes in one dma-buf",
            Self::PER_PLANE => "a dma-buf for each plane",
            one_of_both if one_of_both.is_empty() => "no dma-buf at all",
            _ => "one dma-buf or one for each plane",
        })
    }
}
