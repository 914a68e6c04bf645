/// Counters of a display's import cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportStats {
    /// Frames that were imported with the compositor's answer awaited (`zwp_linux_buffer_params_v1.create`).
    pub asked: u64,
    /// Frames that were imported on trust, after one like them (`create_immed`).
    pub trusted: u64,
    /// Frames that were found imported.
    pub cache_hits: u64,
    /// Frames that the compositor refused.
    pub refused: u64,
    /// Buffers in the cache now.
    pub live: usize,
}
