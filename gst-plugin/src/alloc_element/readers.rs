//! Who downstream will import the frames, and what they made of frames that are not ours.

use std::sync::Arc;

use dmabuf_heap::{Frame, Importer, Verdict};
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::{CAT, HeapAlloc};
use crate::caps::VideoCaps;
use crate::frame;
use crate::judged::Objection;
use crate::query;

impl HeapAlloc {
    /// Notes who imports frames of the current caps.
    pub(super) fn remember_readers(&self, readers: &[Arc<dyn Importer>]) {
        let before = self.state().readers.replace(readers.to_vec());
        let are_same = before.is_some_and(|before| {
            before.len() == readers.len()
                && before.iter().zip(readers).all(|(a, b)| Arc::ptr_eq(a, b))
        });
        if !are_same {
            self.judged.clear();
        }
    }

    /// Has downstream asked again when the next frame needs it.
    pub(super) fn forget_readers(&self) {
        let forgotten = {
            let mut state = self.state();
            (state.readers.take(), state.copier.take())
        };
        drop(forgotten);
        self.judged.clear();
    }

    /// Those who import frames of these caps. Downstream is asked if upstream has not done so.
    pub(super) fn readers(&self, caps: &gst::Caps, video: &VideoCaps) -> Vec<Arc<dyn Importer>> {
        let known = self.state().readers.clone();
        known.unwrap_or_else(|| {
            let mut query = gst::query::Allocation::new(Some(caps), false);
            let readers = if self.obj().src_pad().peer_query(&mut query) {
                query::importers_of(&query, &video.picture())
            } else {
                Vec::new()
            };
            gst::debug!(CAT, imp = self, "downstream imports {readers:?}");
            self.remember_readers(&readers);
            readers
        })
    }

    /// Why somebody downstream refuses this frame of somebody else's; `None` if nobody does. Each frame is tried once.
    pub(super) fn objection(&self, buffer: &gst::BufferRef) -> Objection {
        let caps = self.state().caps.clone()?;
        let video = VideoCaps::parse(&caps).ok()?;
        let readers = self.readers(&caps, &video);
        if readers.is_empty() {
            return None;
        }
        let frame = frame::frame_of(buffer, &video).ok()?;
        self.judged.find(&frame).unwrap_or_else(|| {
            let objection = ask(&readers, &frame);
            gst::debug!(CAT, imp = self, "{frame:?}: {objection:?}");
            self.judged.insert(&frame, objection.clone());
            objection
        })
    }
}

/// The first refusal. Who could not be asked may take the frame.
fn ask(readers: &[Arc<dyn Importer>], frame: &Frame) -> Objection {
    readers.iter().find_map(|reader| match reader.probe(frame) {
        Verdict::Refused(refusal) => Some(Arc::from(refusal.to_string())),
        Verdict::Accepted | Verdict::Unknown(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use dmabuf_heap::{Fourcc, FrameLayout};

    use super::*;
    use crate::testing::{Device, Plentiful};

    #[test]
    fn one_refusal_is_enough() {
        let layout = FrameLayout::linear(Fourcc::NV12, 64, 48, 1).expect("a layout");
        let frame = Frame::new(layout, &[Plentiful::dmabuf(layout.size())]).expect("planes fit");
        let willing: Arc<dyn Importer> = Device::willing("one display");
        assert_eq!(ask(&[Arc::clone(&willing)], &frame), None);
        let objection = ask(&[willing, Device::refusing("another", 1)], &frame);
        assert!(objection.expect("refused").contains("another"));
    }
}
