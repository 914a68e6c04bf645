//! A running camera: what it delivers, in which memory, and to whom.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dmabuf_heap::Importer;
use gst::prelude::*;
use gst_video::VideoInfo;
use v4l2_import::{Capture, Dequeued, Done, QueueError};

use super::choice::Choice;
use super::copy::{self, CopyOutError};
use super::format::Form;
use super::io::Io;
use super::line::{Line, NotGiven};
use super::pool::CapturePool;
use super::round::Round;
use crate::copier::Copier;
use crate::pool::HeapPool;
use crate::sync::lock;

/// Everything between two negotiations.
#[derive(Debug)]
pub(super) struct Stream {
    /// What downstream was told.
    pub choice: Choice,
    /// How frames get out of the driver.
    pub io: Io,
    /// Why not by the ways before that one; may be empty.
    pub why: String,
    /// For whom the memory was chosen.
    pub party: Party,
    /// Why every frame has to be copied, if that is so.
    pub objection: Option<String>,
    line: Arc<Line>,
    frames: Frames,
    copier: Mutex<Option<Arc<Copier>>>,
    was_starved: AtomicBool,
}

/// Those downstream, as they answered.
#[derive(Debug, Clone)]
pub(super) struct Party {
    /// Who imports.
    pub readers: Vec<Arc<dyn Importer>>,
    /// Whether they read where planes are.
    pub reads_meta: bool,
    /// How many frames are in use at once.
    pub buffers: u32,
}

/// Where the frames are.
#[derive(Debug)]
enum Frames {
    /// The driver writes what downstream reads.
    Round {
        round: Arc<Round>,
        pool: CapturePool,
    },
    /// They are copied into buffers of this pool; compressed ones into ordinary memory.
    Copies(Option<(HeapPool, VideoInfo)>),
}

/// A frame on its way.
#[derive(Debug)]
pub(super) struct Taken {
    pub buffer: gst::Buffer,
    /// Bytes that were copied for it.
    pub copied: Option<u64>,
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoFrame {
    #[error(transparent)]
    Queue(#[from] Box<QueueError>),
    #[error("a frame cannot be copied out of the driver's memory: {0}")]
    Copy(#[from] CopyOutError),
    /// The pool is stopped, or out of memory and has said so.
    #[error("no buffer for the frame")]
    Pool(gst::FlowError),
}

impl Party {
    /// Whether what was chosen for these still suits.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let mut pairs = self.readers.iter().zip(&other.readers);
        self.readers.len() == other.readers.len()
            && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
            && self.reads_meta == other.reads_meta
            && self.buffers == other.buffers
    }
}

impl Stream {
    /// A stream of frames that the driver itself writes.
    pub(super) fn of_round(
        (choice, io, party): (Choice, Io, Party),
        line: Arc<Line>,
        round: Arc<Round>,
        pool: CapturePool,
    ) -> Self {
        let frames = Frames::Round { round, pool };
        Self::new(choice, io, party, line, frames)
    }

    /// A stream of copies.
    pub(super) fn of_copies(
        (choice, io, party): (Choice, Io, Party),
        line: Arc<Line>,
        target: Option<(HeapPool, VideoInfo)>,
    ) -> Self {
        Self::new(choice, io, party, line, Frames::Copies(target))
    }

    fn new(choice: Choice, io: Io, party: Party, line: Arc<Line>, frames: Frames) -> Self {
        Self {
            choice,
            io,
            why: String::new(),
            party,
            objection: None,
            line,
            frames,
            copier: Mutex::new(None),
            was_starved: AtomicBool::new(false),
        }
    }

    /// Has the driver begin, if it has not.
    pub(super) fn start(&self) -> Result<(), QueueError> {
        self.line.start()
    }

    /// The next buffer that the driver has filled.
    pub(super) fn dequeue(&self) -> Result<Dequeued<Capture>, QueueError> {
        if let Frames::Round { round, .. } = &self.frames
            && let Some(error) = round.failure()
        {
            return Err(error);
        }
        self.line.take()
    }

    /// The frame in a buffer that the driver has filled.
    pub(super) fn take(&self, done: Done<Capture>) -> Result<Taken, NoFrame> {
        let used = done.planes().first().map_or(0, |plane| plane.bytes_used);
        match &self.frames {
            Frames::Round { round, pool } => {
                let buffer = round.filled(done.buffer);
                let buffer = buffer.ok_or(NoFrame::Pool(gst::FlowError::Error))?;
                let mut buffer = pool.hand_out(buffer).map_err(NoFrame::Pool)?;
                if self.choice.form == Form::Bytes
                    && let Some(picture) = buffer.get_mut()
                {
                    let len = picture.size().min(used as usize);
                    picture.set_size(len);
                }
                Ok(Taken {
                    buffer,
                    copied: None,
                })
            }
            Frames::Copies(Some((pool, info))) => {
                let mut buffer = pool.acquire_buffer(None).map_err(NoFrame::Pool)?;
                let target = buffer.make_mut();
                let bytes = copy::copy_picture(&done.buffer, &self.choice.format, target, info)?;
                self.give_back(done)?;
                Ok(Taken {
                    buffer,
                    copied: Some(bytes),
                })
            }
            Frames::Copies(None) => {
                let buffer = copy::copy_bytes(&done.buffer, used)?;
                self.give_back(done)?;
                Ok(Taken {
                    buffer,
                    copied: Some(used.into()),
                })
            }
        }
    }

    /// Has the driver fill a buffer again that nobody is to see.
    pub(super) fn give_back(&self, done: Done<Capture>) -> Result<(), Box<QueueError>> {
        match self.line.give(done.buffer) {
            Ok(()) | Err(NotGiven::Closed) => Ok(()),
            Err(NotGiven::Refused(error, _slot)) => Err(error),
        }
    }

    /// Whether the driver has no buffer left to fill.
    pub(super) fn is_short(&self) -> bool {
        matches!(self.frames, Frames::Round { .. }) && self.line.queued() == 0
    }

    /// Whether the driver has no buffer left, and none has come back after a moment. Who waited for one in vain does not wait
    /// again for each frame.
    pub(super) fn is_starved(&self, patience: Duration, is_over: impl Fn() -> bool) -> bool {
        let Frames::Round { round, .. } = &self.frames else {
            return false;
        };
        let is_starved = self.line.queued() == 0
            && (self.was_starved.load(Ordering::Relaxed)
                || !round.wait_for_return(patience, is_over));
        self.was_starved.store(is_starved, Ordering::Relaxed);
        is_starved
    }

    /// Looks again at frames whose memory somebody shared; true if some still are.
    pub(super) fn recheck(&self) -> bool {
        match &self.frames {
            Frames::Round { round, .. } => round.recheck(),
            Frames::Copies(_) => false,
        }
    }

    /// Ends waits.
    pub(super) fn interrupt(&self) {
        if let Frames::Round { round, .. } = &self.frames {
            round.interrupt();
        }
    }

    /// How many buffers the driver was given for good.
    pub(super) fn buffers(&self) -> u32 {
        match &self.frames {
            Frames::Round { round, .. } => u32::try_from(round.len()).unwrap_or(u32::MAX),
            Frames::Copies(_) => self.party.buffers,
        }
    }

    /// How many buffers the driver has now.
    pub(super) fn queued(&self) -> usize {
        self.line.queued()
    }

    /// What copies frames that cannot be passed on as they are; `new` makes it.
    pub(super) fn copier<E>(
        &self,
        new: impl FnOnce() -> Result<Copier, E>,
    ) -> Result<Arc<Copier>, E> {
        if let Some(copier) = &*lock(&self.copier) {
            return Ok(Arc::clone(copier));
        }
        let made = Arc::new(new()?);
        Ok(Arc::clone(lock(&self.copier).get_or_insert(made)))
    }

    /// Stops the driver. Frames that are in use downstream stay what they are.
    pub(super) fn close(&self) {
        self.line.close();
        let stopped = match &self.frames {
            Frames::Round { pool, .. } => pool.set_active(false),
            Frames::Copies(Some((pool, _info))) => pool.set_active(false),
            Frames::Copies(None) => Ok(()),
        };
        if let Err(error) = stopped {
            gst::debug!(super::imp::CAT, "{error}");
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.close();
    }
}
