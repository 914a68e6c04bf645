use std::sync::Arc;
use std::time::Instant;

use crate::{
    AllocateError, Allocator, ByteAllocator, Capabilities, DmaBuf, Frame, LayoutRequest, Ledger,
};

/// An allocator whose every answer is entered in a ledger.
#[derive(Debug)]
pub(super) struct Accounted {
    allocator: Arc<dyn Allocator>,
    ledger: Arc<Ledger>,
}

impl Accounted {
    pub(super) fn new(allocator: Arc<dyn Allocator>, ledger: Arc<Ledger>) -> Self {
        Self { allocator, ledger }
    }
}

impl Allocator for Accounted {
    fn name(&self) -> &str {
        self.allocator.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.allocator.capabilities()
    }

    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        let start = Instant::now();
        let frame = self.allocator.allocate(request);
        self.ledger
            .enter(self.allocator.name(), start.elapsed(), &frame, |frame| {
                frame.dmabufs().map(AsRef::as_ref).collect()
            });
        frame
    }

    /// Not accounted: nobody gets it.
    fn allocate_torn(&self, request: &LayoutRequest) -> Option<Frame> {
        self.allocator.allocate_torn(request)
    }

    fn as_bytes(&self) -> Option<&dyn ByteAllocator> {
        self.allocator
            .as_bytes()
            .map(|_| -> &dyn ByteAllocator { self })
    }
}

impl ByteAllocator for Accounted {
    fn name(&self) -> &str {
        self.allocator.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.allocator.capabilities()
    }

    fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError> {
        let start = Instant::now();
        let dmabuf = match self.allocator.as_bytes() {
            Some(bytes) => bytes.allocate_bytes(len),
            None => Err(AllocateError::NoBytes {
                allocator: self.allocator.name().to_owned(),
            }),
        };
        self.ledger
            .enter(self.allocator.name(), start.elapsed(), &dmabuf, |dmabuf| {
                vec![dmabuf]
            });
        dmabuf
    }
}
