//! Stand-ins for unit tests, which have no device.

use std::io;
use std::sync::Arc;

use dmabuf_heap::{
    AllocateError, Allocator, Capabilities, Constraints, Contiguity, Frame, FrameSpec, Importer,
    LayoutRequest, Refusal, Role, Verdict,
};

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

/// A display that takes everything.
#[derive(Debug)]
pub(crate) struct Willing(&'static str);

impl Willing {
    /// One that messages call `name`.
    pub(crate) fn named(name: &'static str) -> Arc<dyn Importer> {
        Arc::new(Self(name))
    }
}

impl Importer for Willing {
    fn name(&self) -> &str {
        self.0
    }

    fn role(&self) -> Role {
        Role::Reads
    }

    fn constraints(&self, _spec: &FrameSpec) -> Result<Constraints, Refusal> {
        Ok(Constraints::of(self.0))
    }

    fn probe(&self, _frame: &Frame) -> Verdict {
        Verdict::Accepted
    }
}

/// A camera that writes rows of a length of its own.
#[derive(Debug)]
pub(crate) struct Striding(u32);

impl Striding {
    /// One that writes rows of so many bytes.
    pub(crate) fn of(bytes: u32) -> Arc<dyn Importer> {
        Arc::new(Self(bytes))
    }
}

impl Importer for Striding {
    fn name(&self) -> &'static str {
        "a camera with a stride"
    }

    fn role(&self) -> Role {
        Role::Writes
    }

    fn constraints(&self, _spec: &FrameSpec) -> Result<Constraints, Refusal> {
        Ok(Constraints::of(self.name()).stride_min(0, self.0))
    }

    fn probe(&self, _frame: &Frame) -> Verdict {
        Verdict::Accepted
    }
}
