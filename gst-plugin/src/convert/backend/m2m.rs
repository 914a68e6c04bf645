//! V4L2 mem2mem devices: scalers, colour converters, rotators.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cpu_convert::Orientation;
use dmabuf_heap::{Format, FormatSet, Fourcc, Frame, FrameSpec, Importer};
use v4l2_import::{
    Converter, Device, DeviceKind, Prospect, Queue, QueueImporter, Rectangle, Side, Transform,
};

use super::{Backend, Bounds, Cost, Effort, WorkError, Worker};
use crate::color::{colorimetry, to_v4l2};
use crate::controls;
use crate::convert::job::Job;
use crate::pool::Users;
use crate::stats::PathStats;

/// Buffer numbers on each side: as many as a queue can have, so that each frame keeps its own.
const NUMBERS: u32 = 32;

/// How long a device may take for one frame before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the CPU has to do for a frame: five system calls, and being woken.
const COST: Cost = Cost(60_000);

/// Sizes to find out whether a device scales. Every scaler makes one of the other.
const LARGE: (u32, u32) = (320, 240);
const SMALL: (u32, u32) = (160, 128);

/// One device.
#[derive(Debug)]
pub(in super::super) struct Mem2Mem {
    path: PathBuf,
    name: String,
    reads: FormatSet,
    makes: FormatSet,
    bounds: Bounds,
    scales: bool,
    /// The user's own settings.
    controls: Option<gst::Structure>,
}

impl Mem2Mem {
    /// The converter at a node.
    ///
    /// # Errors
    ///
    /// Why it is none, for the user to read: no permission, no mem2mem device, a codec.
    pub(in super::super) fn open(
        path: &Path,
        controls: Option<gst::Structure>,
    ) -> Result<Self, String> {
        let device = Device::open(path).map_err(|error| error.to_string())?;
        let name = device.info().to_string();
        if device.info().kind != DeviceKind::Mem2Mem {
            return Err(format!("{name} makes no frames of frames"));
        }
        let (reads, read_in) = pixels(&device, Queue::Output)?;
        let (makes, made_in) = pixels(&device, Queue::Capture)?;
        let (Some(first_read), Some(first_made)) = (reads.iter().next(), makes.iter().next())
        else {
            return Err(format!("{name} has pixels on one side only: it is a codec"));
        };
        Ok(Self {
            path: path.to_owned(),
            name,
            scales: scales(path, first_read.fourcc, first_made.fourcc),
            bounds: read_in.or(made_in),
            reads,
            makes,
            controls,
        })
    }

    fn device(&self) -> Result<Arc<Device>, String> {
        let device = Device::open(&self.path).map_err(|error| error.to_string())?;
        let refused = self.controls.as_ref();
        let refused = refused.map_or_else(Vec::new, |wanted| controls::apply(&device, wanted));
        if refused.is_empty() {
            Ok(Arc::new(device))
        } else {
            Err(refused.join("; "))
        }
    }

    /// What the driver would do, on queues of its own for the length of the question.
    fn prospect(&self, job: &Job) -> Result<Prospect, String> {
        let (from, to) = (Side::of(&job.from.picture()), Side::of(&job.to.picture()));
        Converter::prospect(&self.device()?, &from, &to, &transform(job)?)
            .map_err(|error| error.to_string())
    }

    /// One of its queues, in the state that the job sets it to.
    fn importer(&self, job: &Job, queue: Queue) -> Result<Arc<dyn Importer>, String> {
        let (path, transform) = (self.path.clone(), transform(job)?);
        let (from, to) = (Side::of(&job.from.picture()), Side::of(&job.to.picture()));
        let open = move || -> io::Result<OwnedFd> {
            let device = Arc::new(Device::open(&path).map_err(io::Error::other)?);
            Converter::prospect(&device, &from, &to, &transform).map_err(io::Error::other)?;
            device.as_fd().try_clone_to_owned()
        };
        let importer = QueueImporter::new(open, queue).map_err(|error| error.to_string())?;
        Ok(Arc::new(importer.may_set_format(true)))
    }

    /// That the YUV that comes out has the colours that the caps say.
    fn check_color(&self, job: &Job, prospect: &Prospect) -> Result<(), String> {
        let wanted = job.to.info().colorimetry();
        // A driver that does not know what its pixels stand for is believed to keep what it was told.
        let made = colorimetry(prospect.to.colorimetry, false).filter(|made| {
            job.to.info().is_yuv()
                && (made.matrix(), made.range()) != (wanted.matrix(), wanted.range())
        });
        match made {
            None => Ok(()),
            Some(made) => Err(format!(
                "{} makes YUV of the colorimetry {made} of this, and {wanted} is wanted",
                self.name
            )),
        }
    }
}

impl Backend for Mem2Mem {
    fn name(&self) -> &str {
        &self.name
    }

    fn reads(&self) -> &FormatSet {
        &self.reads
    }

    fn makes(&self) -> &FormatSet {
        &self.makes
    }

    fn bounds(&self) -> Bounds {
        self.bounds
    }

    fn scales(&self) -> bool {
        self.scales
    }

    fn check(&self, job: &Job) -> Result<Cost, String> {
        let prospect = self.prospect(job)?;
        self.check_color(job, &prospect)?;
        Ok(COST)
    }

    fn reader(&self, job: &Job, _stats: &Arc<PathStats>) -> Result<Arc<dyn Importer>, String> {
        self.importer(job, Queue::Output)
    }

    fn writer(&self, job: &Job, _stats: &Arc<PathStats>) -> Result<Users, String> {
        Ok(Users::of_device(self.importer(job, Queue::Capture)?))
    }

    fn start(&self, job: &Job, from: &Frame, to: &Frame) -> Result<Box<dyn Worker>, String> {
        let (device, transform) = (self.device()?, transform(job)?);
        let converter = Converter::start(&device, from.into(), to.into(), &transform, NUMBERS);
        Ok(Box::new(converter.map_err(|error| error.to_string())?))
    }
}

impl Worker for Converter {
    fn fits(&self, from: &Frame, to: &Frame) -> bool {
        Self::fits(self, from, to)
    }

    fn work(&mut self, from: &Frame, to: &Frame, time: Duration) -> Result<Effort, WorkError> {
        let before = (self.attached(), self.moved());
        match self.convert(from, to, time, PATIENCE) {
            Ok(_made) => Ok(Effort {
                attached: self.attached() - before.0,
                reattached: self.moved() - before.1,
                sync_ioctls: 0,
            }),
            Err(error) if error.refused_input() => Err(WorkError::Refused(error.to_string())),
            Err(error) => Err(WorkError::Failed(error.to_string())),
        }
    }
}

/// Pixels and sizes of a queue; not those that a library makes with a copy.
fn pixels(device: &Device, queue: Queue) -> Result<(FormatSet, Bounds), String> {
    let formats = device.formats(queue).map_err(|error| error.to_string())?;
    let own = formats
        .iter()
        .filter(|it| !it.is_compressed && !it.is_emulated);
    let (mut set, mut bounds) = (FormatSet::new(), None::<Bounds>);
    for (code, fourcc) in own.filter_map(|it| Some((it.code, it.code.drm()?))) {
        let sizes = device.sizes(code).map_err(|error| error.to_string())?;
        let sizes = Bounds::of(&sizes);
        bounds = Some(bounds.map_or(sizes, |bounds| bounds.or(sizes)));
        set.insert(Format::linear(fourcc));
    }
    Ok((set, bounds.unwrap_or(Bounds::ANY)))
}

/// Whether the driver lets both sides have sizes of their own.
fn scales(path: &Path, from: Fourcc, to: Fourcc) -> bool {
    let ask = |from_size: (u32, u32), to_size: (u32, u32)| {
        let Ok(device) = Device::open(path) else {
            return false;
        };
        let from = Side::of(&FrameSpec::new(from, from_size.0, from_size.1));
        let to = Side::of(&FrameSpec::new(to, to_size.0, to_size.1));
        Converter::prospect(&Arc::new(device), &from, &to, &Transform::default()).is_ok()
    };
    ask(LARGE, SMALL) || ask(SMALL, LARGE)
}

/// The job in V4L2's controls and rectangles.
fn transform(job: &Job) -> Result<Transform, String> {
    let (rotate, horizontal_flip, vertical_flip) = match job.orientation {
        Orientation::Identity => (0, false, false),
        Orientation::FlipHorizontal => (0, true, false),
        Orientation::FlipVertical => (0, false, true),
        Orientation::Rotate180 => (0, true, true),
        Orientation::Rotate90 => (90, false, false),
        Orientation::Rotate270 => (270, false, false),
        Orientation::Transpose | Orientation::Transverse => {
            return Err("V4L2 does not say whether a device turns or flips first".to_owned());
        }
    };
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    Ok(Transform {
        colorimetry: to_v4l2(&job.from.info().colorimetry()),
        crop: job.crop.map(|crop| Rectangle {
            left: side(crop.x),
            top: side(crop.y),
            width: crop.width,
            height: crop.height,
        }),
        rotate,
        horizontal_flip,
        vertical_flip,
    })
}
