//! The CPU, from mapped frame to mapped frame.

use std::sync::Arc;
use std::time::Duration;

use cpu_convert::{Conversion, Filter, Picture};
use dmabuf_heap::{CpuUse, Format, FormatSet, Frame, Importer, YuvColor, YuvEncoding, YuvRange};

use gst_video::VideoColorRange;

use super::{Backend, Bounds, Cost, Effort, WorkError, Worker};
use crate::caps::VideoCaps;
use crate::convert::job::Job;
use crate::cpu::CountedCpu;
use crate::ffi;
use crate::pool::Users;
use crate::sink::yuv_color;
use crate::stats::PathStats;

/// Nanoseconds for a pixel that comes in or goes out: memory is what it waits for.
const COST_OF_PIXEL: u64 = 1;

/// The smallest job for which threads pay, in pixels.
const WORTH_A_THREAD: u64 = 128 * 1024;

/// The CPU of this machine.
#[derive(Debug)]
pub(in super::super) struct Cpu {
    formats: FormatSet,
    filter: Filter,
    threads: u32,
}

impl Cpu {
    /// All of it, or so many `threads`; 0 leaves that to the size of the pictures.
    pub(in super::super) fn new(filter: Filter, threads: u32) -> Self {
        let formats = Conversion::formats().iter();
        Self {
            formats: formats.map(|&fourcc| Format::linear(fourcc)).collect(),
            filter,
            threads,
        }
    }

    fn conversion(&self, job: &Job, threads: usize) -> Result<Conversion, String> {
        let (from, to) = (picture(&job.from), picture(&job.to));
        Conversion::new(from, to, job.orientation, job.crop, self.filter, threads)
            .map_err(|error| error.to_string())
    }
}

impl Backend for Cpu {
    fn name(&self) -> &'static str {
        "the CPU"
    }

    fn reads(&self) -> &FormatSet {
        &self.formats
    }

    fn makes(&self) -> &FormatSet {
        &self.formats
    }

    fn bounds(&self) -> Bounds {
        Bounds::ANY
    }

    fn scales(&self) -> bool {
        true
    }

    fn check(&self, job: &Job) -> Result<Cost, String> {
        // A thread of its own is not needed to say yes.
        self.conversion(job, 1)?;
        Ok(Cost(pixels(job) * COST_OF_PIXEL))
    }

    fn reader(&self, _job: &Job, stats: &Arc<PathStats>) -> Result<Arc<dyn Importer>, String> {
        Ok(CountedCpu::shared(CpuUse::Read, stats))
    }

    fn writer(&self, _job: &Job, stats: &Arc<PathStats>) -> Result<Users, String> {
        Ok(Users::of_copies(stats))
    }

    fn start(&self, job: &Job, _from: &Frame, _to: &Frame) -> Result<Box<dyn Worker>, String> {
        let threads = match self.threads {
            0 if pixels(job) < WORTH_A_THREAD => 1,
            said => said as usize,
        };
        let conversion = self.conversion(job, threads)?;
        Ok(Box::new(conversion))
    }
}

impl Worker for Conversion {
    fn fits(&self, _from: &Frame, _to: &Frame) -> bool {
        true
    }

    fn work(&mut self, from: &Frame, to: &Frame, _time: Duration) -> Result<Effort, WorkError> {
        let done = ffi::convert::convert(self, from, to).map_err(|error| {
            let text = crate::report::chain(&error);
            match error {
                cpu_convert::ConvertError::Map {
                    end: cpu_convert::End::From,
                    ..
                } => WorkError::Refused(text),
                _ => WorkError::Failed(text),
            }
        })?;
        Ok(Effort {
            sync_ioctls: done.sync_ioctls,
            ..Effort::default()
        })
    }
}

fn pixels(job: &Job) -> u64 {
    let of = |video: &VideoCaps| u64::from(video.info().width()) * u64::from(video.info().height());
    of(&job.from) + of(&job.to)
}

/// One end of the conversion. Where caps say no colours, they are those of standard definition; grey is of full range, unless
/// they say so.
fn picture(video: &VideoCaps) -> Picture {
    let range = match video.info().colorimetry().range() {
        VideoColorRange::Range0_255 => YuvRange::Full,
        _ => YuvRange::Limited,
    };
    let usual = YuvColor::new(YuvEncoding::Bt601, range);
    Picture {
        fourcc: video.format().fourcc,
        width: video.info().width(),
        height: video.info().height(),
        color: yuv_color(video.info()).unwrap_or(usual),
    }
}
