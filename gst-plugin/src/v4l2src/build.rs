//! From what was negotiated to a camera that can run.

use std::error::Error;
use std::sync::Arc;

use dmabuf_heap::{DmaBuf, Frame, FrameLayout, Importer};
use gst::prelude::*;
use v4l2_import::{Allocated, Buffer, Capture, CaptureQueue};

use super::camera::Camera;
use super::choice::Choice;
use super::driver::Driver;
use super::format::Form;
use super::io::Io;
use super::line::{Line, NotGiven};
use super::pool::CapturePool;
use super::round::{Remake, Round};
use super::stream::{Party, Stream};
use super::strides::{is_usual, restore, settle};
use crate::allocator::HeapAllocator;
use crate::caps::VideoCaps;
use crate::ffi;
use crate::frame::frame_of;
use crate::outlet::{self, Decision, Outlet};
use crate::pool::{Users, buffer_of};
use crate::query;
use crate::report::chain;
use crate::zero_copy::ZeroCopy;

/// Buffers that the element holds itself: two that the driver fills in turn, and the one at hand.
const OWN: u32 = 3;

/// Why a way to get frames is none.
pub(super) type Obstacle = Box<dyn Error>;

/// A queue with its buffers, and the `GstBuffer` of each.
type Filled = (
    CaptureQueue<Allocated>,
    Vec<Buffer<Capture>>,
    Vec<gst::Buffer>,
);

/// What a stream is made of.
pub(super) struct Builder<'a> {
    pub element: &'a gst::Element,
    pub outlet: &'a Outlet,
    pub camera: &'a Camera,
    pub choice: &'a Choice,
    pub query: &'a gst::query::Allocation,
}

impl Builder<'_> {
    /// Those downstream, as they answered.
    pub(super) fn party(&self) -> Party {
        let video = VideoCaps::parse(&self.choice.caps).ok();
        let readers = video.map(|video| query::importers_of(self.query, &video.picture()));
        Party {
            readers: readers.unwrap_or_default(),
            reads_meta: outlet::reads_meta(&self.choice.caps, self.query),
            buffers: OWN + outlet::held_downstream(self.query),
        }
    }

    /// A stream by the first of the ways that works.
    ///
    /// # Errors
    ///
    /// None does: a sentence for each.
    pub(super) fn build(&self, io: Io) -> Result<Stream, String> {
        let mut obstacles = Vec::new();
        for &way in io.ways() {
            let built = match way {
                Io::Import => self.import(),
                Io::Export => self.export(),
                Io::Mmap | Io::Auto => self.mmap(),
            };
            match built {
                Ok(mut stream) => {
                    stream.why = obstacles.join("; ");
                    return Ok(stream);
                }
                Err(obstacle) => {
                    let text = format!("no {}: {}", way.name(), chain(&*obstacle));
                    gst::info!(super::imp::CAT, obj = self.element, "{text}");
                    obstacles.push(text);
                }
            }
        }
        Err(obstacles.join("; "))
    }

    /// The driver writes into frames that suit everybody.
    fn import(&self) -> Result<Stream, Obstacle> {
        if self.choice.form == Form::Bytes {
            let party = self.party();
            let (queue, slots, buffers) = self.import_bytes(party.buffers)?;
            return self.round(Io::Import, party, queue, slots, buffers, None);
        }
        let party = self.party();
        let importer = self
            .camera
            .importer()
            .may_set_format(self.wants_other_strides(&party));
        let importer: Arc<dyn Importer> = Arc::new(Driver::new(importer));
        let users = Users::of_device(importer);
        let Decision {
            pool,
            video,
            readers,
            reads_meta,
            buffers: count,
        } = self.outlet.decide(self.element, self.query, users, OWN)?;
        let party = Party {
            readers,
            reads_meta,
            buffers: count,
        };
        let buffers = pool.stock(count)?;
        let frames = buffers.iter().map(|buffer| frame_of(buffer, &video));
        let frames = frames.collect::<Result<Vec<Frame>, _>>()?;
        let mut queue = self.camera.queue()?;
        let layout = frames.first().map(|frame| *frame.layout());
        if let Some(layout) = &layout {
            settle(&mut queue, &self.choice.format, layout)?;
        }
        let (queue, slots) = queue
            .import(frames.clone())
            .map_err(|failed| failed.error)?;
        let objection = layout.and_then(|layout| self.objection(&party, &video, &layout));
        let mut stream = self.round(
            Io::Import,
            party,
            queue,
            slots,
            buffers,
            Some((video, frames)),
        )?;
        stream.objection = objection;
        Ok(stream)
    }

    /// Memory for pictures of any length. What the driver needs of it shows when it imports.
    fn import_bytes(&self, count: u32) -> Result<Filled, Obstacle> {
        let source = self.outlet.source().ok_or("no heap is open")?;
        let size = self.choice.format.buffers.first();
        let len = size.map_or(0, |it| it.size_image);
        let dmabufs = (0..count).map(|_nth| source.allocate_bytes(len.into()).map(Arc::new));
        let dmabufs = dmabufs.collect::<Result<Vec<Arc<DmaBuf>>, _>>()?;
        let queue = self.camera.queue()?;
        let (queue, slots) = queue.import_bytes(dmabufs).map_err(|failed| failed.error)?;
        let buffers = self.buffers_of(&slots, None)?;
        Ok((queue, slots, buffers))
    }

    /// Downstream gets the driver's own memory.
    fn export(&self) -> Result<Stream, Obstacle> {
        let party = self.party();
        let mut queue = self.camera.queue()?;
        restore(&mut queue, &self.choice.format)?;
        let (queue, slots) = queue.export(party.buffers).map_err(|failed| failed.error)?;
        let video = (self.choice.form != Form::Bytes)
            .then(|| VideoCaps::parse(&self.choice.caps))
            .transpose()?;
        let buffers = self.buffers_of(&slots, video.as_ref())?;
        let layout = self.choice.format.layout().ok();
        let objection = video
            .as_ref()
            .zip(layout)
            .and_then(|(video, layout)| self.objection(&party, video, &layout));
        let frames = video.map(|video| {
            let frames = slots.iter().filter_map(|slot| slot.frame().cloned());
            (video, frames.collect())
        });
        let mut stream = self.round(Io::Export, party, queue, slots, buffers, frames)?;
        stream.objection = objection;
        Ok(stream)
    }

    /// Frames are copied out of the driver's memory.
    fn mmap(&self) -> Result<Stream, Obstacle> {
        if self.outlet.settings().zero_copy == ZeroCopy::Required {
            return Err("every frame would be copied, and zero-copy=required forbids it".into());
        }
        let party = self.party();
        let target = if self.choice.form == Form::Bytes {
            None
        } else {
            let users = Users::of_copies(self.outlet.stats());
            let decision = self.outlet.decide(self.element, self.query, users, OWN)?;
            let pool = decision.pool;
            pool.set_active(true).map_err(|error| {
                let why = pool.failure();
                why.unwrap_or_else(|| error.to_string())
            })?;
            Some((pool, decision.video.info().clone()))
        };
        let mut queue = self.camera.queue()?;
        restore(&mut queue, &self.choice.format)?;
        let (queue, slots) = queue.map(OWN + 1).map_err(|failed| failed.error)?;
        let line = Arc::new(Line::new(queue));
        for slot in slots {
            give(&line, slot)?;
        }
        let common = (self.choice.clone(), Io::Mmap, party);
        Ok(Stream::of_copies(common, line, target))
    }

    /// Ties each buffer number to its `GstBuffer`, and gives all to the driver.
    fn round(
        &self,
        io: Io,
        party: Party,
        queue: CaptureQueue<Allocated>,
        slots: Vec<Buffer<Capture>>,
        buffers: Vec<gst::Buffer>,
        frames: Option<(VideoCaps, Vec<Frame>)>,
    ) -> Result<Stream, Obstacle> {
        let size = buffers.first().map_or(0, |buffer| buffer.size());
        let line = Arc::new(Line::new(queue));
        let pairs = slots.into_iter().zip(buffers).collect();
        let round = Arc::new(Round::new(Arc::clone(&line), pairs, self.remake(frames)));
        let pool = CapturePool::start(Arc::clone(&round), &self.choice.caps, size)?;
        if let Some(error) = round.failure() {
            line.close();
            pool.set_active(false)?;
            return Err(error.into());
        }
        let common = (self.choice.clone(), io, party);
        Ok(Stream::of_round(common, line, round, pool))
    }

    fn remake(&self, frames: Option<(VideoCaps, Vec<Frame>)>) -> Remake {
        let allocator = self.allocator();
        Box::new(move |index| {
            let (video, frames) = frames.as_ref()?;
            buffer_of(allocator.as_ref()?, frames.get(index)?, video).ok()
        })
    }

    fn allocator(&self) -> Option<HeapAllocator> {
        let source = self.outlet.source()?;
        Some(HeapAllocator::new(source, Arc::clone(self.outlet.stats())))
    }

    /// A `GstBuffer` for the memory of each buffer number.
    fn buffers_of(
        &self,
        slots: &[Buffer<Capture>],
        video: Option<&VideoCaps>,
    ) -> Result<Vec<gst::Buffer>, Obstacle> {
        let allocator = self.allocator().ok_or("no heap is open")?;
        let buffer = |slot: &Buffer<Capture>| -> Result<gst::Buffer, Obstacle> {
            if let (Some(frame), Some(video)) = (slot.frame(), video) {
                return Ok(buffer_of(&allocator, frame, video)?);
            }
            let mut buffer = gst::Buffer::new();
            for dmabuf in slot.dmabufs() {
                let len = usize::try_from(dmabuf.len())?;
                let memory = ffi::memory::wrap(&allocator, Arc::clone(dmabuf), 0, len)?;
                buffer.make_mut().append_memory(memory);
            }
            Ok(buffer)
        };
        slots.iter().map(buffer).collect()
    }

    /// Whether anybody downstream could wish for other strides than those that the driver chose. Only then it is asked which it
    /// takes.
    fn wants_other_strides(&self, party: &Party) -> bool {
        let layout = self.choice.format.layout();
        let video = VideoCaps::parse(&self.choice.caps);
        let is_content = party.reads_meta
            || layout
                .ok()
                .zip(video.ok())
                .is_some_and(|(layout, video)| is_usual(video.info(), &layout));
        !(is_content && party.readers.is_empty())
    }

    /// Why frames of this layout have to be copied, if they have.
    fn objection(&self, party: &Party, video: &VideoCaps, layout: &FrameLayout) -> Option<String> {
        let is_usual = is_usual(video.info(), layout);
        (!party.reads_meta && !is_usual).then(|| {
            format!(
                "downstream does not read GstVideoMeta and takes GStreamer's usual layout only, and {} has rows of {} bytes",
                self.camera.device().info(),
                layout.planes().first().map_or(0, |plane| plane.stride)
            )
        })
    }
}

fn give(line: &Line, slot: Buffer<Capture>) -> Result<(), Obstacle> {
    match line.give(slot) {
        Ok(()) | Err(NotGiven::Closed) => Ok(()),
        Err(NotGiven::Refused(error, _slot)) => Err(error),
    }
}
