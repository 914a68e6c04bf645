//! From a buffer to a frame that the device can read: as it lies, or through a copy where that cannot be.

use std::sync::Arc;

use dmabuf_heap::{Frame, Placement, Rect};
use gst::prelude::*;
use gst_base::prelude::*;

use super::presenter::Presenter;
use super::state::SinkCore;
use super::stream::Stream;
use super::upload::{UploadError, Uploader};
use crate::frame::{self, FrameOfError};
use crate::origin::arrived_from_pool;
use crate::report;
use crate::stats::{CopyReason, Counter, Path};
use crate::sync::lock;
use crate::zero_copy::ZeroCopy;

/// The newest frame that the presenter took.
#[derive(Debug)]
pub(super) struct Shown {
    /// What the display reads; `None` where it reads a copy of its own.
    pub(super) picture: Option<Picture>,
    /// The part of the frame that is seen.
    pub(super) visible: Rect,
    pub(super) placement: Placement,
    pub(super) stream: Arc<Stream>,
    /// The buffer of upstream's that it shows. A frame shown in PAUSED comes again in PLAYING.
    pub(super) of: Option<BufferId>,
}

/// How a frame reaches the display.
#[derive(Debug)]
pub(super) enum Way {
    /// The device reads it here.
    Import(Picture),
    /// The display gets a copy in memory of its own, and why.
    OwnCopy(CopyReason, Arc<str>),
}

/// A frame that the device can read, and the buffer that keeps it.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) frame: Frame,
    pub(super) buffer: gst::Buffer,
    /// Whether it is memory that upstream may want back.
    pub(super) is_foreign: bool,
    pub(super) path: Path,
}

/// What a copy took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    pub(super) bytes: u64,
    pub(super) sync_ioctls: u64,
}

/// Tells buffers apart without holding them: a recycled one has another time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BufferId {
    address: usize,
    pts: gst::ClockTime,
}

/// Why there is no private copy.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("the sink is stopping")]
    Stopped,
    #[error(transparent)]
    Upload(#[from] UploadError),
    #[error(transparent)]
    Frame(#[from] FrameOfError),
}

impl BufferId {
    /// `None` for a buffer without a time, which cannot be told from others.
    pub(super) fn of(buffer: &gst::Buffer) -> Option<Self> {
        Some(Self {
            address: buffer.as_ptr() as usize,
            pts: buffer.pts()?,
        })
    }
}

impl<P: Presenter> SinkCore<P> {
    /// The frame where it lies, if that is a dma-buf; else a copy.
    pub(super) fn way(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        stream: &Stream,
        buffer: &gst::Buffer,
    ) -> Result<Way, gst::FlowError> {
        if let Some(why) = presenter.imports_nothing() {
            self.allow_copy(element, buffer, CopyReason::NoImport, &why)?;
            return Ok(Way::OwnCopy(CopyReason::NoImport, why.into()));
        }
        let frame = match frame::frame_of(buffer, &stream.video) {
            Ok(frame) => frame,
            Err(error) => {
                let why = report::chain(&error);
                let reason = CopyReason::NotDmaBuf;
                return self.copy(element, presenter, stream, buffer, reason, &why);
            }
        };
        if let Some(Some(why)) = self.refused.find(&frame) {
            let reason = CopyReason::Refused;
            return self.copy(element, presenter, stream, buffer, reason, &why);
        }
        let is_ours = arrived_from_pool(buffer);
        Ok(Way::Import(Picture {
            frame,
            buffer: buffer.clone(),
            is_foreign: !is_ours,
            path: if is_ours { Path::Pool } else { Path::Foreign },
        }))
    }

    /// The way for a picture that the device has refused to read.
    pub(super) fn way_around(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        stream: &Stream,
        buffer: &gst::Buffer,
        (picture, why): (&Picture, &str),
    ) -> Result<Way, gst::FlowError> {
        let reason = CopyReason::Refused;
        if picture.path != Path::Copy {
            self.refuse(element, &picture.frame, why.into());
            return self.copy(element, presenter, stream, buffer, reason, why);
        }
        if presenter.copies(&stream.video) {
            let why = stream.own_copies.get_or_init(|| why.into());
            return Ok(Way::OwnCopy(reason, Arc::clone(why)));
        }
        gst::element_error!(element, gst::ResourceError::Write, ("{why}"));
        Err(gst::FlowError::Error)
    }

    /// Counts a frame that was taken by the way it came; copies have been counted when they were made.
    pub(super) fn count(&self, element: &gst_base::BaseSink, path: Path) {
        match path {
            Path::Pool => self.path.add(Counter::Imported, 1),
            Path::Foreign => self.path.add(Counter::Foreign, 1),
            Path::Export | Path::Copy => return,
        }
        self.tell_path(element, path, "");
    }

    /// Posts an error where copies are forbidden.
    pub(super) fn allow_copy(
        &self,
        element: &gst_base::BaseSink,
        buffer: &gst::Buffer,
        reason: CopyReason,
        why: &str,
    ) -> Result<(), gst::FlowError> {
        if self.settings().memory.zero_copy == ZeroCopy::Required {
            let pad = element.sink_pad();
            report::copy_forbidden(element.upcast_ref(), pad, buffer, reason, &why);
            return Err(gst::FlowError::Error);
        }
        Ok(())
    }

    /// A copy in heap memory, or where that does not suit the device either in the display's own; unless copies are
    /// forbidden.
    fn copy(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        stream: &Stream,
        buffer: &gst::Buffer,
        reason: CopyReason,
        why: &str,
    ) -> Result<Way, gst::FlowError> {
        self.allow_copy(element, buffer, reason, why)?;
        if let Some(why) = stream.own_copies.get() {
            return Ok(Way::OwnCopy(reason, Arc::clone(why)));
        }
        let (picture, cost) = match self.private_copy(stream, buffer) {
            Ok(copied) => copied,
            Err(error) => {
                let error = report::chain(&error);
                if presenter.copies(&stream.video) {
                    gst::info!(P::category(), obj = element, "{error}");
                    let text =
                        || format!("{why}; nor does it read copies in memory of ours").into();
                    let why = stream.own_copies.get_or_init(text);
                    return Ok(Way::OwnCopy(reason, Arc::clone(why)));
                }
                gst::element_error!(
                    element,
                    gst::ResourceError::Failed,
                    ("{why}, and no copy could be made: {error}")
                );
                return Err(gst::FlowError::Error);
            }
        };
        self.path.count_copy(reason, cost.bytes);
        self.path.add(Counter::SyncIoctls, cost.sync_ioctls);
        self.tell_path(element, Path::Copy, why);
        Ok(Way::Import(picture))
    }

    /// A copy in heap memory of a frame that the CPU can read.
    pub(super) fn private_copy(
        &self,
        stream: &Stream,
        buffer: &gst::Buffer,
    ) -> Result<(Picture, Cost), CopyError> {
        let (source, importer) = {
            let state = self.state();
            (state.heap.clone(), state.importer.clone())
        };
        let source = source.ok_or(CopyError::Stopped)?;
        let new = || Arc::new(Uploader::new(source, importer, Arc::clone(&self.path)));
        let uploader = Arc::clone(lock(&self.uploader).get_or_insert_with(new));
        let copied = uploader.copy(buffer, &stream.caps)?;
        let frame = frame::frame_of(&copied.buffer, &stream.video)?;
        let cost = Cost {
            bytes: copied.bytes,
            sync_ioctls: copied.sync_ioctls,
        };
        Ok((
            Picture {
                frame,
                buffer: copied.buffer,
                is_foreign: false,
                path: Path::Copy,
            },
            cost,
        ))
    }

    /// Tells the application when frames begin to take another way.
    pub(super) fn tell_path(&self, element: &gst_base::BaseSink, path: Path, reason: &str) {
        let Some(change) = self.path.note_path(path) else {
            return;
        };
        let heap = self.heap().map_or_else(String::new, |heap| heap.name());
        report::path_changed(element.upcast_ref(), change, &heap, reason);
    }
}
