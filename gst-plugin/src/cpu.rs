//! The CPU as a party to a negotiation, with an account of what its trials cost.

use std::sync::Arc;

use dmabuf_heap::{
    Constraints, CpuImporter, CpuUse, Frame, FrameSpec, Importer, Refusal, Role, Verdict,
};

use crate::stats::{Counter, PathStats};

/// `DMA_BUF_IOCTL_SYNC` calls of one trial: begin and end.
const SYNCS: u64 = 2;

/// A CPU whose SYNC calls are counted.
#[derive(Debug)]
pub(crate) struct CountedCpu {
    cpu: CpuImporter,
    stats: Arc<PathStats>,
}

impl CountedCpu {
    /// A CPU that does this with the pixels, counted here.
    pub(crate) fn shared(cpu: CpuUse, stats: &Arc<PathStats>) -> Arc<dyn Importer> {
        Arc::new(Self {
            cpu: CpuImporter::new(cpu),
            stats: Arc::clone(stats),
        })
    }
}

impl Importer for CountedCpu {
    fn name(&self) -> &str {
        self.cpu.name()
    }

    fn role(&self) -> Role {
        self.cpu.role()
    }

    fn constraints(&self, spec: &FrameSpec) -> Result<Constraints, Refusal> {
        self.cpu.constraints(spec)
    }

    fn probe(&self, frame: &Frame) -> Verdict {
        let verdict = self.cpu.probe(frame);
        if verdict == Verdict::Accepted {
            self.stats.add(Counter::SyncIoctls, SYNCS);
        }
        verdict
    }
}
