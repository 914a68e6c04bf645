//! Stand-ins for unit tests on machines without dma-bufs. They test bookkeeping, never the kernel's part.

use std::sync::Arc;

use crate::{
    AllocateError, Allocator, ByteAllocator, Capabilities, Contiguity, DmaBuf, Frame,
    LayoutRequest, Linear,
};

/// Makes memfds that pass for dma-bufs.
#[derive(Debug)]
pub(crate) struct StandIn {
    bytes: Linear<Memfds>,
}

#[derive(Debug)]
struct Memfds {
    name: String,
}

impl StandIn {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            bytes: Linear(Memfds {
                name: name.to_owned(),
            }),
        }
    }

    pub(crate) fn dmabuf(len: u64) -> Arc<DmaBuf> {
        Arc::new(DmaBuf::stand_in(len).unwrap())
    }
}

impl Allocator for StandIn {
    fn name(&self) -> &str {
        &self.bytes.0.name
    }

    fn capabilities(&self) -> Capabilities {
        Allocator::capabilities(&self.bytes)
    }

    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        self.bytes.allocate(request)
    }

    fn as_bytes(&self) -> Option<&dyn ByteAllocator> {
        Some(&self.bytes.0)
    }
}

impl ByteAllocator for Memfds {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            contiguity: Contiguity::Unknown,
            cacheable: true,
            mappable: true,
            protected: false,
            max_len: None,
        }
    }

    fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError> {
        Ok(DmaBuf::stand_in(len).unwrap())
    }
}
