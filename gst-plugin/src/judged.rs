//! What was made of foreign frames, so that none is tried twice.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use dmabuf_heap::{Frame, FrameKey};

use crate::sync::lock;

/// Why a frame is refused; `None`: it is taken.
pub(crate) type Objection = Option<Arc<str>>;

/// Frames that were tried. A frame is forgotten when its memory is closed, for its key may come again then.
#[derive(Debug, Default)]
pub(crate) struct Judged(Arc<Mutex<HashMap<FrameKey, Objection>>>);

impl Judged {
    /// What was made of this frame; `None` if it was not tried.
    pub(crate) fn find(&self, frame: &Frame) -> Option<Objection> {
        lock(&self.0).get(frame.key()).cloned()
    }

    /// Remembers what was made of this frame.
    pub(crate) fn insert(&self, frame: &Frame, objection: Objection) {
        let key = *frame.key();
        if lock(&self.0).insert(key, objection).is_some() {
            return;
        }
        let judged = Arc::downgrade(&self.0);
        frame.dmabuf(0).on_close(move |_id| {
            if let Some(judged) = judged.upgrade() {
                lock(&judged).remove(&key);
            }
        });
    }

    /// Forgets all: somebody else will be asked from now on.
    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}
