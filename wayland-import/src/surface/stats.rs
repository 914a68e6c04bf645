/// Counters of a surface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SurfaceStats {
    /// Frames that were taken.
    pub taken: u64,
    /// Frames that were sent to the compositor.
    pub commits: u64,
    /// Frames that became visible.
    pub shown: u64,
    /// Frames that a newer one replaced before they were sent.
    pub superseded: u64,
    /// Frames that were sent and that the compositor never showed.
    pub discarded: u64,
    /// Frames that the compositor refused after they had been taken.
    pub refused: u64,
    /// Frames that the compositor has given back.
    pub released: u64,
    /// Frames that are held now: on screen, on their way, or waiting.
    pub held: u32,
    /// The most that were ever held at once.
    pub held_peak: u32,
    /// Frames that were copied through `wl_shm`.
    pub copies: u64,
    /// Bytes of those copies.
    pub copied_bytes: u64,
}

/// What a copy through `wl_shm` took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopyCost {
    /// The number of the frame, as of [`Surface::show`](super::Surface::show).
    pub frame: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// Calls of `DMA_BUF_IOCTL_SYNC`.
    pub sync_ioctls: u64,
}
