//! The copy of last resort: a frame that the display cannot read, moved by the CPU into heap memory that it can.

use std::sync::Arc;

use dmabuf_heap::Importer;

use crate::caps::{CapsError, VideoCaps};
use crate::copier::{Copied, Copier, CopyError};
use crate::heap::HeapSource;
use crate::pool::{HeapPool, PoolEvent, Users};
use crate::stats::PathStats;

/// Copies frames into a heap pool of its own, remade when their format or size changes.
#[derive(Debug)]
pub(crate) struct Uploader {
    source: Arc<HeapSource>,
    display: Option<Arc<dyn Importer>>,
    stats: Arc<PathStats>,
    copier: Option<(gst::Caps, Copier)>,
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
            copier: None,
        }
    }

    /// A copy of `buffer`, whose caps are `caps`, and those caps in the size that the buffer really has.
    pub(crate) fn copy(
        &mut self,
        buffer: &gst::BufferRef,
        caps: &gst::Caps,
    ) -> Result<Copied, UploadError> {
        let caps = padded(buffer, caps);
        let copier = match self.copier.take() {
            Some((known, copier)) if known == caps => copier,
            _ => Copier::new(self.pool(), &caps, &VideoCaps::parse(&caps)?)?,
        };
        Ok(self.copier.insert((caps, copier)).1.copy(buffer)?)
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
