//! What does the work: a device or the CPU, behind one trait.

mod bounds;
mod cpu;
mod m2m;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{FormatSet, Frame, Importer};
use gst::glib;

pub(super) use bounds::Bounds;
pub(super) use cpu::Cpu;
pub(super) use m2m::Mem2Mem;

use super::job::Job;
use crate::pool::Users;
use crate::stats::PathStats;

/// The kinds of backends, as the property `backend` names them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstDmaheapConvertBackend")]
pub(super) enum Kind {
    /// Whatever does the job at the least cost.
    #[default]
    #[enum_value(name = "The one that costs least", nick = "auto")]
    Auto,
    /// A V4L2 mem2mem device.
    #[enum_value(name = "A V4L2 mem2mem device", nick = "m2m")]
    M2m,
    /// The CPU.
    #[enum_value(name = "The CPU", nick = "cpu")]
    Cpu,
}

/// Something that converts frames.
pub(super) trait Backend: Debug + Send + Sync {
    /// As messages name it: `mem2mem vim2m (/dev/video1)`, `the CPU`.
    fn name(&self) -> &str;

    /// The pixels that it reads.
    fn reads(&self) -> &FormatSet;

    /// The pixels that it makes.
    fn makes(&self) -> &FormatSet;

    /// The sizes that it reads and makes.
    fn bounds(&self) -> Bounds;

    /// Whether what comes out may have another size than what goes in.
    fn scales(&self) -> bool;

    /// Whether it really does this, asked of whoever knows; and what a frame costs.
    ///
    /// # Errors
    ///
    /// Why not, for the user to read.
    fn check(&self, job: &Job) -> Result<Cost, String>;

    /// Who reads the frames of such a job.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    fn reader(&self, job: &Job, stats: &Arc<PathStats>) -> Result<Arc<dyn Importer>, String>;

    /// Who writes the frames of such a job.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    fn writer(&self, job: &Job, stats: &Arc<PathStats>) -> Result<Users, String>;

    /// Gets ready for frames that lie as these two do.
    ///
    /// # Errors
    ///
    /// Why it cannot, for the user to read.
    fn start(&self, job: &Job, from: &Frame, to: &Frame) -> Result<Box<dyn Worker>, String>;
}

/// A backend at work on the frames of one job.
pub(super) trait Worker: Debug + Send {
    /// Whether these two frames lie as those that it was started for.
    fn fits(&self, from: &Frame, to: &Frame) -> bool;

    /// Makes `to` of `from`.
    ///
    /// # Errors
    ///
    /// See [`WorkError`]. After a failure the worker is of no more use.
    fn work(&mut self, from: &Frame, to: &Frame, time: Duration) -> Result<Effort, WorkError>;
}

/// What a frame is expected to cost: nanoseconds of the CPU's time, roughly. It only has to order the backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost(pub u64);

/// What a frame did cost, for the account.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Effort {
    /// Frames that the device met for the first time.
    pub attached: u64,
    /// Frames that the device had to let another one go for.
    pub reattached: u64,
    /// `DMA_BUF_IOCTL_SYNC` calls.
    pub sync_ioctls: u64,
}

/// Why a frame was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum WorkError {
    /// The memory of what came in is not taken; other memory may be, and the worker goes on.
    #[error("{0}")]
    Refused(String),
    /// It failed.
    #[error("{0}")]
    Failed(String),
}
