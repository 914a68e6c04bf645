//! What a pipeline did, as the kernel saw it.
//!
//! "Zero copy" is a claim about memory that nobody touches, so it is proven where every touch must pass: in the kernel. Its own trace
//! events give each system call (`raw_syscalls`), the inode of each dma-buf that is exported, looked up or mapped
//! (`dma_buf`, `include/trace/events/dma_buf.h`), and each frame that a camera gives back (`vb2`). Nothing is injected into the
//! process, and no probe is placed on a function: those were seen to crash an emulated kernel. What the kernel maps for itself has
//! no event: see [`vmalloc`](crate::vmalloc).

mod parse;
mod rate;
mod recorder;
mod syscall;

use std::collections::{BTreeMap, BTreeSet};

pub use rate::CallRate;
pub use recorder::Recorder;
pub use syscall::Syscall;

/// One thing that a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The process (thread group).
    pub process: u32,
    /// The name of the thread, as `v4l2src0:src`; at most 15 bytes.
    pub thread: String,
    /// What it did.
    pub action: Action,
}

/// What a process did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Began a system call.
    Call(Syscall),
    /// Made a new dma-buf.
    Export(Buffer),
    /// Queued a dma-buf at a V4L2 device, as `V4L2_MEMORY_DMABUF`.
    Queue(Buffer),
    /// Queued the buffer of that number at a V4L2 device; what was queued in its place stands before.
    Index(u32),
    /// Attached a dma-buf to a device that has a DMA engine.
    Attach(Buffer),
    /// Imported a dma-buf into a DRM device, with PRIME.
    Import(Buffer),
    /// Mapped a dma-buf.
    Map(Buffer),
    /// Filled a buffer, as the thread or interrupt of a V4L2 device.
    Filled {
        /// Buffers that the device has left to fill.
        left: u32,
    },
    /// Got a frame from a V4L2 device.
    Frame,
}

/// A dma-buf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buffer {
    /// Its identity.
    pub inode: u64,
    /// Who made it, as `system`.
    pub exporter: String,
    /// Bytes.
    pub len: u64,
}

/// What happened, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    events: Vec<Event>,
}

impl Trace {
    /// The events of one process.
    #[must_use]
    pub fn of_process(&self, process: u32) -> Trace {
        self.filtered(|event| event.process == process)
    }

    /// The events of the threads of that name.
    #[must_use]
    pub fn of_thread(&self, name: &str) -> Trace {
        self.filtered(|event| event.thread == name)
    }

    /// The events from frame `first` to frame `last` (from 1): the steady state, without set-up and tear-down.
    #[must_use]
    #[track_caller]
    pub fn between_frames(&self, first: usize, last: usize) -> Trace {
        let is_frame = |&at: &usize| self.events[at].action == Action::Frame;
        let frames: Vec<usize> = (0..self.events.len()).filter(is_frame).collect();
        assert!(
            frames.len() >= last,
            "only {} frames in the trace, {last} wanted",
            frames.len()
        );
        Trace {
            events: self.events[frames[first - 1]..frames[last - 1]].to_vec(),
        }
    }

    /// The events up to frame number `frame` (from 1) inclusive: what it takes to get there.
    #[must_use]
    #[track_caller]
    pub fn until_frame(&self, frame: usize) -> Trace {
        let is_frame = |&at: &usize| self.events[at].action == Action::Frame;
        let mut frames = (0..self.events.len()).filter(is_frame);
        let last = frames.nth(frame - 1);
        let last = last.unwrap_or_else(|| panic!("no frame {frame} in the trace"));
        Trace {
            events: self.events[..=last].to_vec(),
        }
    }

    /// All events.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// How often each system call was made, by name; ioctls by their request.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for event in &self.events {
            if let Action::Call(call) = &event.action {
                *calls.entry(call.to_string()).or_default() += 1;
            }
        }
        calls
    }

    /// How many ioctls were made.
    pub fn ioctls(&self) -> usize {
        let is_ioctl =
            |event: &&Event| matches!(&event.action, Action::Call(call) if call.is_ioctl());
        self.events.iter().filter(is_ioctl).count()
    }

    /// The names of all threads that made system calls.
    pub fn threads(&self) -> BTreeSet<String> {
        let events = self.events.iter();
        events.map(|event| event.thread.clone()).collect()
    }

    /// How often the system call of that name was made.
    pub fn count(&self, call: &str) -> u64 {
        self.calls().get(call).copied().unwrap_or(0)
    }

    /// The frames that came out of V4L2 devices.
    pub fn frames(&self) -> usize {
        self.events
            .iter()
            .filter(|event| event.action == Action::Frame)
            .count()
    }

    /// For each buffer that V4L2 devices have filled, how many were left to the device then.
    pub fn left_at_frames(&self) -> Vec<u32> {
        let left = |event: &Event| match event.action {
            Action::Filled { left } => Some(left),
            _ => None,
        };
        self.events.iter().filter_map(left).collect()
    }

    /// The dma-bufs that were made.
    pub fn exported(&self) -> BTreeSet<u64> {
        self.inodes(|action| {
            if let Action::Export(buffer) = action {
                Some(buffer)
            } else {
                None
            }
        })
    }

    /// The dma-bufs that one exporter made, such as the heap `system`.
    pub fn exported_by(&self, exporter: &str) -> BTreeSet<u64> {
        self.inodes(|action| match action {
            Action::Export(buffer) if buffer.exporter == exporter => Some(buffer),
            _ => None,
        })
    }

    /// The dma-bufs that were queued at V4L2 devices as foreign memory.
    pub fn queued(&self) -> BTreeSet<u64> {
        self.inodes(|action| {
            if let Action::Queue(buffer) = action {
                Some(buffer)
            } else {
                None
            }
        })
    }

    /// The dma-bufs that each buffer number was queued with, all planes of it together, in each variant once.
    pub fn by_index(&self) -> BTreeMap<u32, BTreeSet<Vec<u64>>> {
        let mut variants: BTreeMap<u32, BTreeSet<Vec<u64>>> = BTreeMap::new();
        let mut planes = Vec::new();
        for event in &self.events {
            match &event.action {
                Action::Queue(buffer) => planes.push(buffer.inode),
                Action::Index(index) => {
                    let planes = std::mem::take(&mut planes);
                    variants.entry(*index).or_default().insert(planes);
                }
                _ => {}
            }
        }
        variants
    }

    /// How often a dma-buf was attached to a device.
    pub fn attachments(&self) -> usize {
        self.events
            .iter()
            .filter(|event| matches!(event.action, Action::Attach(_)))
            .count()
    }

    /// Who made the dma-bufs that were queued at V4L2 devices.
    pub fn queued_from(&self) -> BTreeSet<String> {
        let exporters = self.events.iter().filter_map(|event| match &event.action {
            Action::Queue(buffer) => Some(buffer.exporter.clone()),
            _ => None,
        });
        exporters.collect()
    }

    /// The dma-bufs that were imported into DRM devices.
    pub fn imported(&self) -> BTreeSet<u64> {
        self.inodes(|action| {
            if let Action::Import(buffer) = action {
                Some(buffer)
            } else {
                None
            }
        })
    }

    /// The dma-bufs that were mapped into a process. A compositor that draws by CPU maps those that it is given to show.
    pub fn mapped(&self) -> BTreeSet<u64> {
        self.inodes(|action| {
            if let Action::Map(buffer) = action {
                Some(buffer)
            } else {
                None
            }
        })
    }

    /// Panics unless displays read the very memory that cameras wrote, and nobody maps it or imports other memory after frame
    /// number `settled`.
    ///
    /// Before the first frame, a negotiation makes trial frames, and looks into some of them.
    #[track_caller]
    pub fn expect_zero_copy(&self, settled: usize) {
        let flowing = self.between_frames(settled, self.frames());
        let (queued, imported) = (self.queued(), self.imported());
        let shared = queued.intersection(&imported).count();
        assert!(
            shared >= 2,
            "queued at cameras {queued:?}, imported {imported:?}"
        );
        let others = &flowing.imported() - &queued;
        assert!(others.is_empty(), "{others:?} came from no camera");
        let mapped = &flowing.mapped() & &queued;
        let fates: Vec<_> = mapped.iter().map(|&inode| self.fate(inode)).collect();
        assert!(fates.is_empty(), "mapped while frames flow: {fates:#?}");
    }

    /// What happened to one dma-buf, each with the number of frames before it, and the thread.
    fn fate(&self, inode: u64) -> Vec<String> {
        let mut frames = 0;
        let mut fate = Vec::new();
        for event in &self.events {
            match &event.action {
                Action::Frame => frames += 1,
                Action::Export(buffer)
                | Action::Queue(buffer)
                | Action::Import(buffer)
                | Action::Map(buffer)
                    if buffer.inode == inode =>
                {
                    fate.push(format!("{frames}: {:?} by {}", event.action, event.thread));
                }
                _ => {}
            }
        }
        fate
    }

    fn filtered(&self, wanted: impl Fn(&Event) -> bool) -> Trace {
        let events = self.events.iter().filter(|event| wanted(event));
        Trace {
            events: events.cloned().collect(),
        }
    }

    fn inodes(&self, buffer_of: impl Fn(&Action) -> Option<&Buffer>) -> BTreeSet<u64> {
        self.events
            .iter()
            .filter_map(|event| buffer_of(&event.action))
            .map(|buffer| buffer.inode)
            .collect()
    }
}
