use std::fmt;
use std::time::Duration;

use crate::{AllocateError, Format};

/// A frame that a pool could not give.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// Every frame is held by somebody.
    #[error(
        "all {max} frames of {format} {width}x{height} are held and none came back in {waited:?}: {}; \
         give the pool more frames or release them earlier",
        list(holders)
    )]
    Starved {
        /// Frames that the pool may have.
        max: usize,
        /// Of the frames.
        format: Format,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// How long the caller waited.
        waited: Duration,
        /// Who holds them, the longest first. Fewer than `max` while others are being made.
        holders: Vec<Holder>,
    },
    /// The pool may grow, and the allocator refuses.
    #[error(transparent)]
    Allocate(#[from] AllocateError),
}

/// Who holds a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The name given when the frame was taken.
    pub name: String,
    /// Inode of the frame's first dma-buf, as in `/sys/kernel/debug/dma_buf/bufinfo`.
    pub inode: u64,
    /// Since when.
    pub held_for: Duration,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} holds inode {} for {:.1?}",
            self.name, self.inode, self.held_for
        )
    }
}

fn list(holders: &[Holder]) -> String {
    let holders: Vec<_> = holders.iter().map(ToString::to_string).collect();
    if holders.is_empty() {
        "nobody has taken one yet".to_owned()
    } else {
        holders.join(", ")
    }
}
