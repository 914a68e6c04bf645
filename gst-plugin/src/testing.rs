//! Stand-ins for unit tests, which have no device.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use dmabuf_heap::{
    AllocateError, Allocator, Capabilities, Constraints, Contiguity, DmaBuf, Frame, FrameSpec,
    Importer, LayoutRequest, Refusal, Role, Verdict,
};

use crate::sync::lock;

/// An allocator that has no memory left.
#[derive(Debug)]
pub(crate) struct Exhausted(pub &'static str);

impl Allocator for Exhausted {
    fn name(&self) -> &str {
        self.0
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            contiguity: Contiguity::Scattered,
            cacheable: true,
            mappable: true,
            protected: false,
            max_len: None,
        }
    }

    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        Err(AllocateError::NoMemory {
            allocator: self.0.to_owned(),
            len: request.min_dmabuf_len(),
            hint: String::new(),
            errno: io::Error::from_raw_os_error(12),
        })
    }
}

/// An allocator of memory that passes for dma-bufs, as long as nobody maps it.
#[derive(Debug)]
pub(crate) struct Plentiful(pub &'static str);

impl Plentiful {
    /// Memory of so many bytes.
    pub(crate) fn dmabuf(len: u64) -> Arc<DmaBuf> {
        Arc::new(DmaBuf::stand_in(len).expect("a memfd"))
    }
}

impl Allocator for Plentiful {
    fn name(&self) -> &str {
        self.0
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            contiguity: Contiguity::Contiguous,
            cacheable: true,
            mappable: true,
            protected: false,
            max_len: None,
        }
    }

    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        let dmabufs = request.dmabuf_lens()?.into_iter().map(Self::dmabuf);
        let dmabufs: Vec<_> = dmabufs.collect();
        Ok(Frame::new(request.layout()?, &dmabufs).expect("planes fit"))
    }
}

/// A device with needs and a verdict.
#[derive(Debug)]
pub(crate) struct Device {
    name: &'static str,
    constraints: Mutex<Constraints>,
    /// How often it was asked for them.
    asked: AtomicUsize,
    /// Refuses as many frames as this, and takes those that follow.
    refusals: AtomicUsize,
}

impl Device {
    /// One that takes everything.
    pub(crate) fn willing(name: &'static str) -> Arc<Self> {
        Self::refusing(name, 0)
    }

    /// One that refuses so many frames before it takes any.
    pub(crate) fn refusing(name: &'static str, refusals: usize) -> Arc<Self> {
        Arc::new(Self {
            name,
            constraints: Mutex::new(Constraints::of(name)),
            asked: AtomicUsize::new(0),
            refusals: AtomicUsize::new(refusals),
        })
    }

    /// One that takes all frames that meet its needs.
    pub(crate) fn needing(name: &'static str, constraints: Constraints) -> Arc<Self> {
        let device = Self::willing(name);
        device.demand(constraints);
        device
    }

    /// Needs this from now on.
    pub(crate) fn demand(&self, constraints: Constraints) {
        *lock(&self.constraints) = constraints;
    }

    /// How often it was asked for its needs.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Importer for Device {
    fn name(&self) -> &str {
        self.name
    }

    fn role(&self) -> Role {
        Role::Reads
    }

    fn constraints(&self, _spec: &FrameSpec) -> Result<Constraints, Refusal> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(lock(&self.constraints).clone())
    }

    fn probe(&self, _frame: &Frame) -> Verdict {
        let left = |left: usize| left.checked_sub(1);
        let refused = self
            .refusals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left);
        refused.map_or(Verdict::Accepted, |_left| {
            Verdict::Refused(Refusal {
                importer: self.name.to_owned(),
                operation: "a test",
                detail: String::new(),
                errno: None,
                suspect: None,
            })
        })
    }
}
