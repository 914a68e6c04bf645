//! The way for frames in ordinary memory: one copy into a buffer of the heap.

use gst::glib;
use gst::prelude::*;
use gst_video::{VideoFrameExt, VideoFrameRef, VideoInfo, VideoMeta};

use crate::caps::VideoCaps;
use crate::pool::{HeapPool, SizeError};

/// An active pool for copies of one format.
#[derive(Debug)]
pub(crate) struct Copier {
    pool: HeapPool,
    info: VideoInfo,
}

/// A finished copy.
#[derive(Debug)]
pub(crate) struct Copied {
    /// The picture, in heap memory.
    pub buffer: gst::Buffer,
    /// Bytes of pixels that were moved.
    pub bytes: u64,
    /// `DMA_BUF_IOCTL_SYNC` calls this took.
    pub sync_ioctls: u64,
}

/// Why a frame was not copied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CopyError {
    /// Tiled pixels outside of a dma-buf.
    #[error("{0} in ordinary memory cannot be copied: only its driver knows the layout")]
    NotLinear(dmabuf_heap::Format),
    /// No buffer size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// No memory that everybody takes.
    #[error("{0}")]
    NoMemory(String),
    /// The pool is out of memory; it has told so itself.
    #[error("no buffer to copy to")]
    Pool(gst::FlowError),
    /// A step of GStreamer failed.
    #[error("{0}")]
    Gst(#[from] glib::BoolError),
}

impl Copier {
    /// Configures and starts `pool`.
    ///
    /// # Errors
    ///
    /// The format cannot be copied, or the pool refuses.
    pub(crate) fn new(
        pool: HeapPool,
        caps: &gst::Caps,
        video: &VideoCaps,
    ) -> Result<Self, CopyError> {
        if !video.is_linear() {
            return Err(CopyError::NotLinear(video.format()));
        }
        let size = pool.proposal(video)?.size;
        let mut config = pool.config();
        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
        config.set_params(Some(caps), size, 0, 0);
        pool.set_config(config)?;
        pool.set_active(true)
            .map_err(|error| match pool.failure() {
                Some(why) => CopyError::NoMemory(why),
                None => error.into(),
            })?;
        Ok(Self {
            pool,
            info: video.info().clone(),
        })
    }

    /// The picture of `source` in a buffer of the pool, with flags, times and metas.
    ///
    /// # Errors
    ///
    /// No memory, or a buffer that does not hold what its caps say.
    pub(crate) fn copy(&self, source: &gst::BufferRef) -> Result<Copied, CopyError> {
        let mut target = self.pool.acquire_buffer(None).map_err(CopyError::Pool)?;
        let writable = target.make_mut();
        source.copy_into(
            writable,
            gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS,
            ..,
        )?;
        copy_metas(source, writable);

        let from = VideoFrameRef::from_buffer_ref_readable(source, &self.info)?;
        let mut to = VideoFrameRef::from_buffer_ref_writable(writable, &self.info)?;
        from.copy(&mut to)?;
        let planes = u64::from(to.n_planes());
        drop(to);
        Ok(Copied {
            buffer: target,
            bytes: self.info.size() as u64,
            // Each plane is mapped for itself: one call at the start, one at the end.
            sync_ioctls: 2 * planes,
        })
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        if let Err(error) = self.pool.set_active(false) {
            gst::warning!(crate::CAT, obj = self.pool, "{error}");
        }
    }
}

/// All metas that describe the picture and not where it lies.
fn copy_metas(source: &gst::BufferRef, target: &mut gst::BufferRef) {
    source.foreach_meta(|meta| {
        let about_memory = meta.has_tag::<gst::meta::tags::Memory>()
            || meta.has_tag::<gst::meta::tags::MemoryReference>()
            || meta.downcast_ref::<VideoMeta>().is_some();
        if !about_memory {
            // A meta without a transform function cannot be copied, which is its maker's choice.
            let _uncopied = meta.transform(target, &gst::meta::MetaTransformCopy::new(..));
        }
        std::ops::ControlFlow::Continue(())
    });
}
