use std::sync::Arc;

use crate::{AllocateError, Allocator, ByteAllocator, Capabilities, DmaBuf, Frame, LayoutRequest};

/// Makes an [`Allocator`] of a [`ByteAllocator`]: rows from top to bottom, all planes in one dma-buf
/// or each in its own, as the request says.
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
        let dmabufs = request
            .dmabuf_lens()?
            .into_iter()
            .map(|len| {
                let dmabuf = self.0.allocate_bytes(len)?;
                name_after(&dmabuf, request);
                Ok(Arc::new(dmabuf))
            })
            .collect::<Result<Vec<_>, AllocateError>>()?;
        Frame::new(layout, &dmabufs).map_err(|error| AllocateError::Frame {
            allocator: self.name().to_owned(),
            error,
        })
    }

    fn allocate_torn(&self, request: &LayoutRequest) -> Option<Frame> {
        let lens = request.dmabuf_lens().ok()?;
        let torn = |len| Some(Arc::new(self.0.allocate_torn_bytes(len)?));
        let dmabufs: Vec<_> = lens.into_iter().map(torn).collect::<Option<_>>()?;
        Frame::new(request.layout().ok()?, &dmabufs).ok()
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

#[cfg(test)]
mod tests {
    use crate::test::StandIn;
    use crate::{Allocator, Fourcc, LayoutRequest};

    #[test]
    fn each_plane_gets_a_dmabuf_where_that_is_asked_for() {
        let request = LayoutRequest::new(Fourcc::NV12, 64, 32)
            .per_plane()
            .tail(16)
            .dmabuf_min_len(1, 4096);
        let frame = StandIn::new("memfd").allocate(&request).unwrap();
        let lens: Vec<_> = frame.dmabufs().map(|dmabuf| dmabuf.len()).collect();
        assert_eq!(lens, [64 * 32 + 16, 4096]);
        assert!(
            frame
                .layout()
                .planes()
                .iter()
                .all(|plane| plane.offset == 0)
        );
    }

    #[test]
    fn padded_rows_are_allocated_behind_the_last_plane_too() {
        let request = LayoutRequest::new(Fourcc::NV12, 64, 18).rows(32);
        let frame = StandIn::new("memfd").allocate(&request).unwrap();
        assert_eq!(frame.layout().planes()[1].offset, 64 * 32);
        assert_eq!(frame.dmabuf(1).len(), 64 * 48);
    }
}
