use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::Shared;
use crate::Frame;

/// A frame on loan. Goes back to its pool when dropped; if the pool is gone, all are freed with the last one.
///
/// Derefs to the [`Frame`]. A clone of that does not count as a loan, but it keeps the memory from being reused.
pub struct PooledFrame {
    /// None only while it is being dropped.
    frame: Option<Frame>,
    shared: Arc<Shared>,
    hold: u64,
}

impl PooledFrame {
    pub(super) fn new(frame: Frame, shared: Arc<Shared>, hold: u64) -> Self {
        Self {
            frame: Some(frame),
            shared,
            hold,
        }
    }
}

impl Deref for PooledFrame {
    type Target = Frame;

    fn deref(&self) -> &Frame {
        self.frame
            .as_ref()
            .expect("a frame on loan is there until it is dropped")
    }
}

impl Drop for PooledFrame {
    fn drop(&mut self) {
        if let Some(frame) = self.frame.take() {
            self.shared.take_back(frame, self.hold);
        }
    }
}

impl fmt::Debug for PooledFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledFrame")
            .field("frame", &**self)
            .finish_non_exhaustive()
    }
}
