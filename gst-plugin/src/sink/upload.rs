//! The copy of last resort: a frame that the display cannot read, moved by the CPU into heap memory that it can.

use std::sync::{Arc, Mutex};

use dmabuf_heap::Importer;

use crate::caps::{CapsError, VideoCaps};
use crate::copier::{Copied, Copier, CopyError};
use crate::heap::HeapSource;
use crate::pool::{HeapPool, PoolEvent, Users};
use crate::stats::PathStats;
use crate::sync::lock;

/// Copies frames into a heap pool of its own, remade when their format or size changes.
#[derive(Debug)]
pub(crate) struct Uploader {
    source: Arc<HeapSource>,
    display: Option<Arc<dyn Importer>>,
    stats: Arc<PathStats>,
    copier: Mutex<Option<(gst::Caps, Arc<Copier>)>>,
}

/// Why a frame was not copied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    #[error(transparent)]
    Caps(#[from] CapsError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error(transparent)]
    Gst(#[from] gst::glib::BoolError),
}

impl Uploader {
    /// For buffers of this heap that `display` takes, counted here.
    pub(crate) fn new(
        source: Arc<HeapSource>,
        display: Option<Arc<dyn Importer>>,
        stats: Arc<PathStats>,
    ) -> Self {
        Self {
            source,
            display,
            stats,
            copier: Mutex::default(),
        }
    }

    /// A copy of `buffer`, whose caps are `caps`, and those caps in the size that the buffer really has.
    pub(crate) fn copy(
        &self,
        buffer: &gst::BufferRef,
        caps: &gst::Caps,
    ) -> Result<Copied, UploadError> {
        Ok(self.copier(&padded(buffer, caps))?.copy(buffer)?)
    }

    /// The copier for these caps. Its pool negotiates while no lock is held: a device may take its time.
    fn copier(&self, caps: &gst::Caps) -> Result<Arc<Copier>, UploadError> {
        let known = lock(&self.copier).clone();
        if let Some((_caps, copier)) = known.filter(|(known, _copier)| known == caps) {
            return Ok(copier);
        }
        // First, so that its memory is there for the next one.
        let before = lock(&self.copier).take();
        drop(before);
        let copier = Arc::new(Copier::new(self.pool(), caps, &VideoCaps::parse(caps)?)?);
        let before = lock(&self.copier).replace((caps.clone(), Arc::clone(&copier)));
        drop(before);
        Ok(copier)
    }

    /// A pool for copies. The caller reports why there is none: it knows why there is a copy at all.
    fn pool(&self) -> HeapPool {
        let readers = self.display.clone().into_iter().collect();
        let users = Users::of_copies(&self.stats).for_readers(readers, false);
        let (source, stats) = (Arc::clone(&self.source), Arc::clone(&self.stats));
        let noted = Arc::clone(&stats);
        let listener = move |event: PoolEvent<'_>| {
            if let PoolEvent::Chosen(choice) = event {
                noted.note_choice(choice);
            }
        };
        HeapPool::new(source, users, stats, Box::new(listener))
    }
}

/// The caps with the size of the buffer: a cropped picture is larger in memory than its caps say.
fn padded(buffer: &gst::BufferRef, caps: &gst::Caps) -> gst::Caps {
    let mut caps = caps.clone();
    if let Some(meta) = buffer.meta::<gst_video::VideoMeta>() {
        let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        let (width, height) = (side(meta.width()), side(meta.height()));
        let differs = caps.structure(0).is_some_and(|caps| {
            caps.get::<i32>("width") != Ok(width) || caps.get::<i32>("height") != Ok(height)
        });
        if differs {
            caps.make_mut().set("width", width);
            caps.make_mut().set("height", height);
        }
    }
    caps
}

#[cfg(test)]
mod tests {
    use std::sync::{OnceLock, Weak};

    use dmabuf_heap::{Constraints, Frame, FrameSpec, Refusal, Registry, Role, Verdict};

    use super::*;
    use crate::heap::AUTO;
    use crate::testing::Plentiful;

    /// A display that takes its time: others use the sink meanwhile.
    #[derive(Debug, Default)]
    struct Slow {
        uploader: OnceLock<Weak<Uploader>>,
        asked: OnceLock<bool>,
    }

    impl Importer for Slow {
        fn name(&self) -> &'static str {
            "display"
        }

        fn role(&self) -> Role {
            Role::Reads
        }

        fn constraints(&self, _spec: &FrameSpec) -> Result<Constraints, Refusal> {
            Ok(Constraints::of("display"))
        }

        fn probe(&self, _frame: &Frame) -> Verdict {
            let uploader = self.uploader.get().and_then(Weak::upgrade);
            let is_free = uploader.is_some_and(|it| it.copier.try_lock().is_ok());
            self.asked.get_or_init(|| is_free);
            Verdict::Accepted
        }
    }

    #[test]
    fn no_lock_is_held_while_the_pool_of_copies_negotiates() {
        gst::init().expect("GStreamer");
        let registry = Registry::empty();
        let allocator = Arc::new(Plentiful("plenty"));
        registry.register(allocator).expect("a free name");
        let source = HeapSource::among(Arc::new(registry), AUTO).expect("an allocator");
        let slow = Arc::new(Slow::default());
        let display: Arc<dyn Importer> = slow.clone();
        let uploader = Uploader::new(Arc::new(source), Some(display), Arc::default());
        let uploader = Arc::new(uploader);
        slow.uploader.set(Arc::downgrade(&uploader)).expect("once");
        let caps = "video/x-raw,format=NV12,width=64,height=48,framerate=30/1";
        let caps: gst::Caps = caps.parse().expect("caps syntax");
        // The memory is no dma-buf, so that the CPU refuses it in the end.
        let _refused = uploader.copier(&caps);
        assert_eq!(slow.asked.get(), Some(&true));
    }
}
