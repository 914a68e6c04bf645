use std::sync::Arc;

use crate::{AllocateError, Allocator, ByteAllocator, Capabilities, DmaBuf, Frame, LayoutRequest};

/// Makes an [`Allocator`] of a [`ByteAllocator`]: all planes in one dma-buf, rows from top to bottom.
#[derive(Clone, Debug)]
pub struct Linear<B>(pub B);

impl<B: ByteAllocator> Allocator for Linear<B> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        let layout = request.layout()?;
        let len = layout.size().max(request.min_dmabuf_len());
        let dmabuf = self.0.allocate_bytes(len)?;
        name_after(&dmabuf, request);
        Frame::new(layout, &[Arc::new(dmabuf)]).map_err(|error| AllocateError::Frame {
            allocator: self.name().to_owned(),
            error,
        })
    }

    fn as_bytes(&self) -> Option<&dyn ByteAllocator> {
        Some(&self.0)
    }
}

/// Says in debugfs what the buffer is for. Nothing depends on it.
fn name_after(dmabuf: &DmaBuf, request: &LayoutRequest) {
    let spec = request.spec();
    let name = format!("dmaheap {} {}x{}", spec.fourcc, spec.width, spec.height);
    if let Err(error) = dmabuf.set_name(&name) {
        tracing::debug!(%error, "a buffer stays without a name");
    }
}
