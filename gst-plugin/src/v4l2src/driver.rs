//! The camera in a negotiation, asked once for what it needs.

use std::sync::{Arc, Mutex};

use dmabuf_heap::{
    Allocator, Constraints, DeviceKey, Frame, FrameSpec, Importer, Reach, Refusal, Role, Verdict,
};
use v4l2_import::QueueImporter;

use crate::sync::lock;

/// What a driver answered.
type Answer = (FrameSpec, Result<Constraints, Refusal>);

/// A queue whose format is set and stays. Each step of a negotiation wants to know its needs, and a driver answers them with
/// half a dozen ioctls.
#[derive(Debug)]
pub(super) struct Driver {
    queue: QueueImporter,
    known: Mutex<Option<Answer>>,
}

impl Driver {
    /// The queue, not asked yet.
    pub(super) fn new(queue: QueueImporter) -> Self {
        Self {
            queue,
            known: Mutex::new(None),
        }
    }
}

impl Importer for Driver {
    fn name(&self) -> &str {
        self.queue.name()
    }

    fn role(&self) -> Role {
        self.queue.role()
    }

    fn device(&self) -> Option<DeviceKey> {
        Importer::device(&self.queue)
    }

    fn constraints(&self, spec: &FrameSpec) -> Result<Constraints, Refusal> {
        let known = lock(&self.known).clone();
        if let Some((_spec, answer)) = known.filter(|(known, _answer)| known == spec) {
            return answer;
        }
        let answer = self.queue.constraints(spec);
        *lock(&self.known) = Some((*spec, answer.clone()));
        answer
    }

    fn reach(&self) -> Reach {
        self.queue.reach()
    }

    fn probe(&self, frame: &Frame) -> Verdict {
        self.queue.probe(frame)
    }

    fn own_allocator(&self) -> Option<Arc<dyn Allocator>> {
        self.queue.own_allocator()
    }
}
