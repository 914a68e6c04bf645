//! Frames as buffers.

use std::sync::Arc;

use dmabuf_heap::{DmaBuf, Frame, FrameLayout};
use gst::glib;
use gst_video::{VideoAlignment, VideoFormat, VideoFrameFlags, VideoMeta};

use crate::allocator::HeapAllocator;
use crate::ffi;

/// What all buffers of a pool have in common.
#[derive(Debug, Clone)]
pub(super) struct Form {
    /// Of the pixels; `DMA_DRM` where GStreamer has no name for them.
    pub format: VideoFormat,
    /// The padding that the user asked for.
    pub alignment: Option<VideoAlignment>,
    /// Where the planes are within that padding; `None`: where the frame says.
    pub padded: Option<FrameLayout>,
    /// Bytes.
    pub size: usize,
}

/// Why a frame is no buffer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WrapError {
    #[error("GStreamer refused the memory: {0}")]
    Gst(#[from] glib::BoolError),
    #[error("{0} planes do not fit a GstVideoMeta")]
    Meta(usize),
    #[error("a buffer has to show {size} bytes, but the frame has dma-bufs of {lens:?} bytes")]
    Size { size: usize, lens: Vec<u64> },
}

impl Form {
    /// A buffer of [`size`](Self::size) bytes, one memory for each dma-buf, with the meta that describes it.
    pub(super) fn wrap(
        &self,
        allocator: &HeapAllocator,
        frame: &Frame,
    ) -> Result<gst::Buffer, WrapError> {
        let layout = self.padded.as_ref().unwrap_or(frame.layout());
        let dmabufs: Vec<&Arc<DmaBuf>> = frame.dmabufs().collect();
        let sizes = self.visible(layout, &dmabufs)?;

        let mut buffer = gst::Buffer::new();
        let inner = buffer.make_mut();
        for (dmabuf, &size) in dmabufs.iter().zip(&sizes) {
            let memory = ffi::memory::wrap(allocator, Arc::clone(dmabuf), 0, size)?;
            inner.append_memory(memory);
        }

        let planes = layout.planes();
        let meta_error = |_beyond: std::num::TryFromIntError| WrapError::Meta(planes.len());
        let mut offsets = Vec::with_capacity(planes.len());
        let mut strides = Vec::with_capacity(planes.len());
        for (index, plane) in planes.iter().enumerate() {
            let memory = dmabufs
                .iter()
                .position(|dmabuf| Arc::ptr_eq(dmabuf, frame.dmabuf(index)));
            let before: usize = sizes[..memory.unwrap_or(0)].iter().sum();
            offsets.push(before + usize::try_from(plane.offset).map_err(meta_error)?);
            strides.push(i32::try_from(plane.stride).map_err(meta_error)?);
        }
        let (flags, size) = (VideoFrameFlags::empty(), (layout.width(), layout.height()));
        let (format, width, height) = (self.format, size.0, size.1);
        let mut meta =
            VideoMeta::add_full(inner, flags, format, width, height, &offsets, &strides)?;
        if let Some(alignment) = &self.alignment {
            meta.set_alignment(alignment)?;
        }
        Ok(buffer)
    }

    /// How many bytes of each dma-buf the buffer shows. Those beyond the planes go to the first dma-bufs that have them:
    /// a driver that pads its planes expects the next one behind the padding.
    fn visible(
        &self,
        layout: &FrameLayout,
        dmabufs: &[&Arc<DmaBuf>],
    ) -> Result<Vec<usize>, WrapError> {
        let error = || WrapError::Size {
            size: self.size,
            lens: dmabufs.iter().map(|dmabuf| dmabuf.len()).collect(),
        };
        let lens = dmabufs.iter().map(|it| usize::try_from(it.len()));
        let lens: Vec<usize> = lens.collect::<Result<_, _>>().map_err(|_beyond| error())?;
        let mut sizes = match (dmabufs, layout.planes()) {
            ([_one], _) => vec![0],
            (_, planes) => {
                let ends = planes.iter().map(|plane| usize::try_from(plane.end()));
                ends.collect::<Result<_, _>>().map_err(|_beyond| error())?
            }
        };
        let mut rest = self
            .size
            .checked_sub(sizes.iter().sum())
            .ok_or_else(error)?;
        for (size, len) in sizes.iter_mut().zip(lens) {
            let more = rest.min(len.saturating_sub(*size));
            *size += more;
            rest -= more;
        }
        if rest > 0 {
            return Err(error());
        }
        Ok(sizes)
    }
}
