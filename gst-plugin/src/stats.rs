//! What happened to the frames, in numbers.
//!
//! A copy that nobody sees is the usual end of a zero-copy pipeline: stock elements mention theirs at debug levels that
//! nobody turns on. Here each path a frame can take has a counter, each copy has a reason, and a change of path is told
//! to the application once. Elements, pools and the thread of a display add to the same [`PathStats`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::heap::Choice;
use crate::sync::lock;

/// The counters of one element, shared with its pools.
#[derive(Debug, Default)]
pub(crate) struct PathStats {
    counters: [AtomicU64; Counter::ALL.len()],
    story: Mutex<Story>,
}

/// What is counted. The names are the fields of the element's `stats` structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Pictures that arrived.
    Frames,
    /// Of these, written by upstream straight into memory of our pool.
    Imported,
    /// Of these, in dma-bufs of somebody else, taken as they are.
    Foreign,
    /// Copies made by us.
    Copies,
    /// Bytes moved by these copies.
    BytesCopied,
    /// Copies that let upstream have its memory back while the picture stays. They are no part of `Copies`.
    DrainCopies,
    /// `DMA_BUF_IOCTL_SYNC` calls that our CPU access caused.
    SyncIoctls,
    /// Buffers allocated by our pools since the element was made.
    Allocations,
    /// Buffers of our pools that exist now.
    PoolSize,
    /// The most buffers that existed at once.
    PoolHighWater,
}

/// How frames take their way through an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Path {
    /// Upstream writes into our pool.
    Pool,
    /// Upstream brings its own dma-bufs.
    Foreign,
    /// A device of ours hands out its own memory.
    Export,
    /// We copy.
    Copy,
}

/// Why a copy was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CopyReason {
    /// Upstream brought memory that is no dma-buf.
    NotDmaBuf,
    /// A device refused the dma-buf.
    Refused,
    /// The display imports no dma-bufs at all.
    NoImport,
    /// It lies in a driver's memory that nobody else can have.
    DriverMemory,
    /// Downstream does not read where planes are, and they are not where it expects them.
    Layout,
    /// Downstream holds all frames, and the camera would have none to fill.
    Held,
}

/// A change of path that the application should hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PathChange {
    /// The path until now; `None` for the first frame.
    pub from: Option<Path>,
    /// The path from now on.
    pub to: Path,
}

#[derive(Debug, Default)]
struct Story {
    path: Option<Path>,
    heap: String,
    heap_reason: String,
    negotiation: String,
    copies: BTreeMap<CopyReason, u64>,
}

impl PathStats {
    /// Adds to a counter.
    pub(crate) fn add(&self, counter: Counter, amount: u64) {
        self.counter(counter).fetch_add(amount, Ordering::Relaxed);
    }

    /// A counter's value now.
    pub(crate) fn value(&self, counter: Counter) -> u64 {
        self.counter(counter).load(Ordering::Relaxed)
    }

    /// Counts a copy, with its reason.
    pub(crate) fn count_copy(&self, reason: CopyReason, bytes: u64) {
        self.add(Counter::Copies, 1);
        self.add(Counter::BytesCopied, bytes);
        *self.story().copies.entry(reason).or_default() += 1;
    }

    /// A pool made a buffer.
    pub(crate) fn buffer_allocated(&self) {
        self.add(Counter::Allocations, 1);
        let size = self
            .counter(Counter::PoolSize)
            .fetch_add(1, Ordering::Relaxed)
            + 1;
        self.counter(Counter::PoolHighWater)
            .fetch_max(size, Ordering::Relaxed);
    }

    /// A buffer's memory is gone.
    pub(crate) fn buffer_freed(&self) {
        self.counter(Counter::PoolSize)
            .fetch_sub(1, Ordering::Relaxed);
    }

    /// Remembers which memory serves, and why that; true if it is another, or for another reason, than before.
    pub(crate) fn note_choice(&self, choice: &Choice) -> bool {
        let mut story = self.story();
        let heap = choice.allocator.name();
        let is_new = story.heap != heap || story.heap_reason != choice.summary;
        heap.clone_into(&mut story.heap);
        choice.summary.clone_into(&mut story.heap_reason);
        choice.story.clone_into(&mut story.negotiation);
        is_new
    }

    /// Remembers the way of the frame at hand; answers with what changed, if anything did.
    ///
    /// The caller posts the message, without a lock.
    pub(crate) fn note_path(&self, path: Path) -> Option<PathChange> {
        let mut story = self.story();
        let from = story.path.replace(path);
        (from != Some(path)).then_some(PathChange { from, to: path })
    }

    /// Forgets the path, so that the next start tells its first one again. Counters go on.
    pub(crate) fn forget_path(&self) {
        self.story().path = None;
    }

    /// The `stats` property. Callers add the fields that only they have.
    pub(crate) fn to_structure(&self, name: &str) -> gst::Structure {
        let mut structure = gst::Structure::new_empty(name);
        for (counter, value) in Counter::ALL.iter().zip(self.values()) {
            structure.set(counter.name(), value);
        }
        let story = self.story();
        let mut reasons = gst::Structure::new_empty("copy-reasons");
        for (reason, count) in &story.copies {
            reasons.set(reason.name(), count);
        }
        structure.set("copy-reasons", reasons);
        structure.set("path", story.path.map_or("none", Path::name));
        structure.set("heap", &story.heap);
        structure.set("allocator", &story.heap);
        structure.set("heap-reason", &story.heap_reason);
        structure.set("negotiation", &story.negotiation);
        structure
    }

    /// All counters, of one moment: read until nobody counted meanwhile, which a frame's pace makes the second time.
    fn values(&self) -> [u64; Counter::ALL.len()] {
        let mut values = Counter::ALL.map(|counter| self.value(counter));
        for _attempt in 0..8 {
            let again = Counter::ALL.map(|counter| self.value(counter));
            if again == values {
                break;
            }
            values = again;
        }
        values
    }

    fn counter(&self, counter: Counter) -> &AtomicU64 {
        &self.counters[counter as usize]
    }

    fn story(&self) -> MutexGuard<'_, Story> {
        lock(&self.story)
    }
}

impl Counter {
    /// Every counter, in the order of its discriminant.
    pub(crate) const ALL: [Self; 10] = [
        Self::Frames,
        Self::Imported,
        Self::Foreign,
        Self::Copies,
        Self::BytesCopied,
        Self::DrainCopies,
        Self::SyncIoctls,
        Self::Allocations,
        Self::PoolSize,
        Self::PoolHighWater,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Frames => "frames",
            Self::Imported => "imported",
            Self::Foreign => "foreign",
            Self::Copies => "copies",
            Self::BytesCopied => "bytes-copied",
            Self::DrainCopies => "drain-copies",
            Self::SyncIoctls => "sync-ioctls",
            Self::Allocations => "allocations",
            Self::PoolSize => "pool-size",
            Self::PoolHighWater => "pool-high-water",
        }
    }
}

impl Path {
    /// The name in structures and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Foreign => "foreign",
            Self::Export => "export",
            Self::Copy => "copy",
        }
    }
}

impl CopyReason {
    /// The name in structures and messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NotDmaBuf => "not-dma-buf",
            Self::Refused => "refused",
            Self::NoImport => "no-import",
            Self::DriverMemory => "driver-memory",
            Self::Layout => "layout",
            Self::Held => "held",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_has_its_own_slot_and_name() {
        for (index, counter) in Counter::ALL.into_iter().enumerate() {
            assert_eq!(counter as usize, index);
        }
        let mut names: Vec<_> = Counter::ALL.map(Counter::name).into();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Counter::ALL.len());
    }

    #[test]
    fn a_path_is_told_once_until_it_changes() {
        let stats = PathStats::default();
        assert_eq!(
            stats.note_path(Path::Pool),
            Some(PathChange {
                from: None,
                to: Path::Pool
            })
        );
        assert_eq!(stats.note_path(Path::Pool), None);
        assert_eq!(
            stats.note_path(Path::Copy),
            Some(PathChange {
                from: Some(Path::Pool),
                to: Path::Copy
            })
        );
        stats.forget_path();
        assert_eq!(
            stats.note_path(Path::Copy),
            Some(PathChange {
                from: None,
                to: Path::Copy
            })
        );
    }

    #[test]
    fn copies_are_counted_by_reason() {
        gst::init().expect("GStreamer");
        let stats = PathStats::default();
        stats.count_copy(CopyReason::NotDmaBuf, 100);
        stats.count_copy(CopyReason::NotDmaBuf, 100);
        stats.count_copy(CopyReason::Refused, 50);
        let structure = stats.to_structure("stats");
        assert_eq!(structure.get::<u64>("copies"), Ok(3));
        assert_eq!(structure.get::<u64>("bytes-copied"), Ok(250));
        let reasons = structure
            .get::<gst::Structure>("copy-reasons")
            .expect("reasons");
        assert_eq!(reasons.get::<u64>("not-dma-buf"), Ok(2));
        assert_eq!(reasons.get::<u64>("refused"), Ok(1));
    }

    #[test]
    fn high_water_stays_when_buffers_go() {
        let stats = PathStats::default();
        stats.buffer_allocated();
        stats.buffer_allocated();
        stats.buffer_freed();
        stats.buffer_allocated();
        stats.buffer_freed();
        assert_eq!(stats.value(Counter::PoolSize), 1);
        assert_eq!(stats.value(Counter::PoolHighWater), 2);
        assert_eq!(stats.value(Counter::Allocations), 3);
    }
}
