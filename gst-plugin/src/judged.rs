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

#[cfg(test)]
mod tests {
    use dmabuf_heap::{Fourcc, FrameLayout};

    use super::*;
    use crate::testing::Plentiful;

    fn frame() -> Frame {
        let layout = FrameLayout::linear(Fourcc::NV12, 64, 48, 1).expect("a layout");
        Frame::new(layout, &[Plentiful::dmabuf(layout.size())]).expect("planes fit")
    }

    #[test]
    fn a_frame_is_remembered_as_long_as_its_memory_lives() {
        let judged = Judged::default();
        let (taken, refused) = (frame(), frame());
        judged.insert(&taken, None);
        judged.insert(&refused, Some("too far away".into()));
        assert_eq!(judged.find(&taken), Some(None));
        assert_eq!(judged.find(&refused), Some(Some("too far away".into())));
        assert_eq!(judged.find(&frame()), None);
        drop((taken, refused));
        assert!(lock(&judged.0).is_empty());
    }

    #[test]
    fn all_is_forgotten_when_somebody_else_is_asked() {
        let judged = Judged::default();
        let frame = frame();
        judged.insert(&frame, None);
        judged.clear();
        assert_eq!(judged.find(&frame), None);
    }
}
