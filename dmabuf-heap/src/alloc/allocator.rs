use std::fmt::Debug;
use std::sync::Arc;

use crate::{AllocateError, Capabilities, DmaBuf, Frame, LayoutRequest};

/// Makes frames.
///
/// Heaps are [`ByteAllocator`]s and become this by [`Linear`](crate::Linear). Whatever chooses strides of its own (dumb
/// buffers, V4L2 exports) implements this directly.
pub trait Allocator: Send + Sync + Debug {
    /// The name users choose it by; unique in a [`Registry`](crate::Registry).
    fn name(&self) -> &str;

    /// What its memory is like.
    fn capabilities(&self) -> Capabilities;

    /// Makes a frame that meets the request. Strides and lengths may be larger than asked for, never smaller.
    ///
    /// # Errors
    ///
    /// The layout is impossible, or there is no such memory.
    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError>;

    /// A frame for trials, whose pages cannot lie side by side in RAM: a device that takes it takes scattered memory. `None`
    /// if this allocator cannot make one.
    fn allocate_torn(&self, _request: &LayoutRequest) -> Option<Frame> {
        None
    }

    /// This allocator as one of plain bytes, where it is one.
    fn as_bytes(&self) -> Option<&dyn ByteAllocator> {
        None
    }
}

/// Makes dma-bufs of so many bytes and knows nothing of pictures.
pub trait ByteAllocator: Send + Sync + Debug {
    /// The name users choose it by.
    fn name(&self) -> &str;

    /// What its memory is like.
    fn capabilities(&self) -> Capabilities;

    /// Makes a dma-buf of at least `len` bytes, all zero, open for reading and writing, closed on exec.
    ///
    /// # Errors
    ///
    /// There is no such memory.
    fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError>;

    /// A dma-buf of at least `len` bytes for trials, whose pages cannot lie side by side in RAM. `None` if this allocator
    /// cannot make one, or not of that size: a single page is always in one piece.
    fn allocate_torn_bytes(&self, _len: u64) -> Option<DmaBuf> {
        None
    }
}

impl<B: ByteAllocator + ?Sized> ByteAllocator for Arc<B> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError> {
        (**self).allocate_bytes(len)
    }

    fn allocate_torn_bytes(&self, len: u64) -> Option<DmaBuf> {
        (**self).allocate_torn_bytes(len)
    }
}
