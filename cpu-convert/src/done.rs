/// What one conversion did to the memory, for statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Bytes of pixels that were read, without the padding of rows. What is cropped away is not read.
    pub bytes_read: u64,
    /// Bytes of pixels that were written, without the padding of rows.
    pub bytes_written: u64,
    /// `DMA_BUF_IOCTL_SYNC` calls: a start and an end for each dma-buf of either frame.
    pub sync_ioctls: u64,
}
