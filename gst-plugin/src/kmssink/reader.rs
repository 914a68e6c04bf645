//! The output as a party to a negotiation about memory.

use std::sync::Arc;

use dmabuf_heap::{
    Allocator, Constraints, DeviceKey, Frame, FrameSpec, Importer, LayoutRequest, Refusal, Role,
    Suspect, Verdict, Why,
};
use drm_import::{Output, PlaneImporter};

/// A [`PlaneImporter`] that lets a refusal stand only if it is about the memory.
///
/// Some planes show no picture of a given size at a given place, whatever memory it is in. No choice of memory helps
/// there, and the error that the commit makes later says what does.
#[derive(Debug)]
pub(super) struct Reader(PlaneImporter);

impl Reader {
    pub(super) fn of(output: &Output) -> Self {
        Self(PlaneImporter::for_output(output))
    }

    /// What the card makes of the same picture in memory of its own; `None` if it makes none.
    fn verdict_on_own(&self, frame: &Frame) -> Option<Verdict> {
        let layout = frame.layout();
        let request = LayoutRequest::new(layout.fourcc(), layout.width(), layout.height());
        let own = self.0.own_allocator()?.allocate(&request).ok()?;
        Some(self.0.probe(&own))
    }
}

impl Importer for Reader {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn role(&self) -> Role {
        self.0.role()
    }

    fn device(&self) -> Option<DeviceKey> {
        self.0.device()
    }

    fn constraints(&self, spec: &FrameSpec) -> Result<Constraints, Refusal> {
        self.0.constraints(spec)
    }

    fn probe(&self, frame: &Frame) -> Verdict {
        match self.0.probe(frame) {
            Verdict::Refused(refusal) if refusal.suspect == Some(Suspect::Layout) => {
                match self.verdict_on_own(frame) {
                    Some(Verdict::Refused(_)) => Verdict::Unknown(Why(format!(
                        "it shows no such picture in memory of its own either: {refusal}"
                    ))),
                    _ => Verdict::Refused(refusal),
                }
            }
            verdict => verdict,
        }
    }

    fn own_allocator(&self) -> Option<Arc<dyn Allocator>> {
        self.0.own_allocator()
    }
}
