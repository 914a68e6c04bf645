//! What all frames have cost.

use std::sync::atomic::{AtomicU64, Ordering};

use super::backend::Effort;

/// What the devices had to do, summed up.
#[derive(Debug, Default)]
pub(super) struct Efforts {
    converted: AtomicU64,
    attached: AtomicU64,
    reattached: AtomicU64,
    fallbacks: AtomicU64,
}

impl Efforts {
    pub(super) fn add(&self, effort: Effort) {
        self.converted.fetch_add(1, Ordering::Relaxed);
        self.attached.fetch_add(effort.attached, Ordering::Relaxed);
        self.reattached
            .fetch_add(effort.reattached, Ordering::Relaxed);
    }

    pub(super) fn count_fallback(&self) {
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds all counts to what the element says of itself.
    pub(super) fn tell(&self, stats: &mut gst::StructureRef) {
        for (name, count) in [
            ("converted", &self.converted),
            ("attachments", &self.attached),
            ("re-attachments", &self.reattached),
            ("fallbacks", &self.fallbacks),
        ] {
            stats.set(name, count.load(Ordering::Relaxed));
        }
    }
}
