/// What the memory of an allocator is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether a device without an IOMMU can take it.
    pub contiguity: Contiguity,
    /// Whether the CPU's caches hold it: reading is fast, and every access needs its SYNC.
    pub cacheable: bool,
    /// Whether the CPU can map it at all.
    pub mappable: bool,
    /// Whether it is closed to the CPU, for protected content.
    pub protected: bool,
    /// The largest buffer in bytes, where a limit is known.
    pub max_len: Option<u64>,
}

/// How the pages of a buffer lie in physical memory.
///
/// The kernel has no interface that says it; this is what the name of an allocator promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contiguity {
    /// One behind the other.
    Contiguous,
    /// Anywhere.
    Scattered,
    /// Nobody says.
    Unknown,
}
