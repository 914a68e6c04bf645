//! Stand-ins for unit tests, which have no device.

use std::io;

use dmabuf_heap::{AllocateError, Allocator, Capabilities, Contiguity, Frame, LayoutRequest};

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
