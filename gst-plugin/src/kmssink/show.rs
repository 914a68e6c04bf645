//! From a buffer to the plane: as it lies, or through a copy when that cannot be.

use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::Frame;
use drm_import::{CommitError, Output, Placement, Rect, ShowError};
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::{CAT, KmsSink};
use super::stream::Stream;
use crate::allocator::HeapAllocator;
use crate::frame::{self, FrameOfError};
use crate::report;
use crate::sink::timing::Departure;
use crate::sink::upload::{UploadError, Uploader};
use crate::stats::{CopyReason, Counter, Path};
use crate::sync::lock;
use crate::zero_copy::ZeroCopy;

/// The newest frame that the output took.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) picture: Picture,
    pub(super) placement: Placement,
    pub(super) stream: Arc<Stream>,
    /// The buffer of upstream's that it shows. A frame shown in PAUSED comes again in PLAYING.
    pub(super) of: Option<BufferId>,
}

/// A frame that the device can read, and the buffer that keeps it.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) frame: Frame,
    pub(super) buffer: gst::Buffer,
    /// Whether it is memory that upstream may want back.
    pub(super) is_foreign: bool,
    path: Path,
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
    fn of(buffer: &gst::Buffer) -> Option<Self> {
        Some(Self {
            address: buffer.as_ptr() as usize,
            pts: buffer.pts()?,
        })
    }
}

impl KmsSink {
    /// Hands a frame to the output and returns as soon as it is taken; waits only while the frame before is on its way to
    /// the screen.
    pub(super) fn show(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let of = BufferId::of(buffer);
        let (output, stream, screen) = {
            let state = self.state();
            if of.is_some() && state.shown.as_ref().is_some_and(|shown| shown.of == of) {
                return Ok(gst::FlowSuccess::Ok);
            }
            let parts = (state.output.clone(), state.stream.clone(), &state.display);
            let (Some(output), Some(stream), Some(display)) = parts else {
                return Err(gst::FlowError::NotNegotiated);
            };
            (output, stream, display.screen)
        };
        self.path.add(Counter::Frames, 1);
        let mut picture = self.picture(&stream, buffer)?;
        let placement = loop {
            let placement = self.place(&output, &stream, &picture, screen);
            match self.submit(&output, &picture, &placement, true) {
                Ok(()) => break placement,
                Err(ShowError::Flushing) => {
                    self.obj().wait_preroll()?;
                }
                Err(ShowError::Commit(CommitError::Import(error)))
                    if picture.path != Path::Copy =>
                {
                    let why: Arc<str> = report::chain(&error).into();
                    self.refuse(&picture.frame, Arc::clone(&why));
                    picture = self.copy(&stream, buffer, CopyReason::Refused, &why)?;
                }
                // The event that came with it has been told already.
                Err(ShowError::Lost(_)) => return Err(gst::FlowError::Error),
                Err(error) => {
                    let (text, advice) = (report::chain(&error), advice(&error, placement, screen));
                    gst::element_imp_error!(self, gst::ResourceError::Write, ("{text}{advice}"));
                    return Err(gst::FlowError::Error);
                }
            }
        };
        self.count(picture.path);
        let shown = Shown {
            picture,
            placement,
            stream,
            of,
        };
        let before = self.state().shown.replace(shown);
        drop(before);
        Ok(gst::FlowSuccess::Ok)
    }

    /// After a flush, the next frame is a new one, even in the same buffer and at the same time.
    pub(super) fn expect_new_frame(&self) {
        if let Some(shown) = &mut self.state().shown {
            shown.of = None;
        }
    }

    /// One attempt to hand a frame over, timed.
    pub(super) fn submit(
        &self,
        output: &Output,
        picture: &Picture,
        placement: &Placement,
        is_new: bool,
    ) -> Result<(), ShowError> {
        let departure = self.departure(&picture.buffer, is_new);
        self.timing().departed(departure);
        let result = output.show(&picture.frame, placement, Box::new(picture.buffer.clone()));
        if result.is_err() {
            self.timing().returned();
        }
        result
    }

    /// The frame where it lies, if that is a dma-buf; else a copy.
    fn picture(&self, stream: &Stream, buffer: &gst::Buffer) -> Result<Picture, gst::FlowError> {
        let frame = match frame::frame_of(buffer, &stream.video) {
            Ok(frame) => frame,
            Err(error) => {
                return self.copy(
                    stream,
                    buffer,
                    CopyReason::NotDmaBuf,
                    &report::chain(&error),
                );
            }
        };
        if let Some(Some(why)) = self.refused.find(&frame) {
            return self.copy(stream, buffer, CopyReason::Refused, &why);
        }
        let is_ours = arrived_from_pool(buffer);
        Ok(Picture {
            frame,
            buffer: buffer.clone(),
            is_foreign: !is_ours,
            path: if is_ours { Path::Pool } else { Path::Foreign },
        })
    }

    /// Counts a frame that was taken by the way it came; copies have been counted when they were made.
    fn count(&self, path: Path) {
        match path {
            Path::Pool => self.path.add(Counter::Imported, 1),
            Path::Foreign => self.path.add(Counter::Foreign, 1),
            Path::Copy => return,
        }
        self.tell_path(path, "");
    }

    /// A copy in heap memory, unless copies are forbidden.
    fn copy(
        &self,
        stream: &Stream,
        buffer: &gst::Buffer,
        reason: CopyReason,
        why: &str,
    ) -> Result<Picture, gst::FlowError> {
        if self.settings().zero_copy == ZeroCopy::Required {
            let obj = self.obj();
            report::copy_forbidden(obj.upcast_ref(), obj.sink_pad(), buffer, reason, &why);
            return Err(gst::FlowError::Error);
        }
        let (picture, copied) = self.private_copy(stream, buffer).map_err(|error| {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Failed,
                (
                    "{why}, and no copy could be made: {}",
                    report::chain(&error)
                )
            );
            gst::FlowError::Error
        })?;
        self.path.count_copy(reason, copied.bytes);
        self.path.add(Counter::SyncIoctls, copied.sync_ioctls);
        self.tell_path(Path::Copy, why);
        Ok(picture)
    }

    /// A copy in heap memory of a frame that the CPU can read.
    pub(super) fn private_copy(
        &self,
        stream: &Stream,
        buffer: &gst::Buffer,
    ) -> Result<(Picture, Cost), CopyError> {
        let (source, display) = {
            let state = self.state();
            (state.heap.clone(), state.importer.clone())
        };
        let source = source.ok_or(CopyError::Stopped)?;
        let copied = lock(&self.uploader)
            .get_or_insert_with(|| Uploader::new(source, display, Arc::clone(&self.path)))
            .copy(buffer, &stream.caps)?;
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
    fn tell_path(&self, path: Path, reason: &str) {
        let Some(change) = self.path.note_path(path) else {
            return;
        };
        let heap = self.state().heap.clone();
        let heap = heap.map_or_else(String::new, |heap| heap.name());
        report::path_changed(self.obj().upcast_ref(), change, &heap, reason);
    }

    /// Where the visible part of a frame goes; the first frame of a stream finds out whether the plane can scale it.
    fn place(
        &self,
        output: &Output,
        stream: &Stream,
        picture: &Picture,
        screen: Rect,
    ) -> Placement {
        let layout = picture.frame.layout();
        let whole = Rect::new(0, 0, layout.width(), layout.height());
        let visible = picture
            .buffer
            .meta::<gst_video::VideoCropMeta>()
            .and_then(|crop| clip(crop.rect(), whole))
            .unwrap_or(whole);
        stream.place(visible, screen, self.force_aspect_ratio(), |scaled| {
            let scales = output.test(&picture.frame, scaled).is_ok();
            gst::debug!(CAT, imp = self, "scaling, {scaled}: {scales}");
            scales
        })
    }

    fn departure(&self, buffer: &gst::BufferRef, is_new: bool) -> Departure {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let at = Duration::try_from(now).unwrap_or_default();
        let obj = self.obj();
        let frame_time = obj
            .segment()
            .downcast_ref::<gst::ClockTime>()
            .zip(buffer.pts())
            .and_then(|(segment, pts)| segment.to_running_time(pts));
        let age = obj
            .current_running_time()
            .zip(frame_time)
            .and_then(|(now, then)| now.checked_sub(then));
        Departure {
            at,
            is_new,
            age: age.map(Into::into),
        }
    }
}

/// What to do about a refused placement, where the error of the device cannot know it.
fn advice(error: &ShowError, placement: Placement, screen: Rect) -> String {
    let is_refused = matches!(error, ShowError::Commit(CommitError::Refused { .. }));
    if !is_refused || placement.dest == screen {
        return String::new();
    }
    let Rect { width, height, .. } = screen;
    format!(
        ". Some planes must cover the whole display: put videoscale and caps of {width}x{height} in front of the sink"
    )
}

/// The crop rectangle as far as it lies inside the frame.
fn clip((x, y, width, height): (u32, u32, u32, u32), whole: Rect) -> Option<Rect> {
    let width = width.min(whole.width.checked_sub(x)?);
    let height = height.min(whole.height.checked_sub(y)?);
    (width > 0 && height > 0).then_some(Rect::new(x, y, width, height))
}

/// Whether a buffer's memory is of a heap allocator of ours. The allocator hears that its buffers arrive: a pool whose
/// buffers never do has a device upstream that refuses them.
fn arrived_from_pool(buffer: &gst::BufferRef) -> bool {
    let allocator = (buffer.n_memory() > 0)
        .then(|| buffer.peek_memory(0).allocator())
        .flatten();
    let ours = allocator.and_then(|allocator| allocator.downcast_ref::<HeapAllocator>());
    ours.inspect(|allocator| allocator.note_arrival()).is_some()
}
