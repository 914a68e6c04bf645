//! The open camera, and what it can be asked.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::sync::{Arc, OnceLock};

use gst::glib;
use gst_video::VideoCapsBuilder;
use v4l2_import::{
    CaptureQueue, Choices, Device, DeviceError, EventKind, Idle, OpenError, Queue, QueueError,
    QueueImporter, Size, V4l2Fourcc,
};

use super::format::{self, Form};
use super::settings::{NO_FD, Settings};
use super::wish;
use crate::caps::video_format;
use crate::ffi::fd::duplicate;

/// A camera from READY to NULL.
#[derive(Debug)]
pub(super) struct Camera {
    device: Arc<Device>,
    caps: OnceLock<gst::Caps>,
    /// Its formats, from the first question on.
    formats: OnceLock<Vec<V4l2Fourcc>>,
    /// Whether it has a digital input, whose source sends what it likes.
    has_timings: bool,
}

/// Why there is no camera.
#[derive(Debug, thiserror::Error)]
pub(super) enum CameraError {
    /// It cannot be opened, or is no V4L2 device.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The number in `device-fd` is no open file.
    #[error(
        "device-fd {fd} is no open file: {errno}; hand over a file that is open in this process"
    )]
    Fd {
        /// The number.
        fd: RawFd,
        /// What the kernel said.
        errno: io::Error,
    },
    /// It fills no frames.
    #[error(
        "{0} is no camera: nothing is captured by it; name another node, as gst-device-monitor-1.0 Video/Source lists them"
    )]
    NoCamera(String),
}

impl CameraError {
    /// The code to report it by.
    pub(super) fn code(&self) -> gst::ResourceError {
        match self {
            Self::Open(OpenError::Permission { .. }) => gst::ResourceError::NotAuthorized,
            Self::Open(OpenError::Open { errno, .. })
                if errno.kind() == io::ErrorKind::NotFound =>
            {
                gst::ResourceError::NotFound
            }
            Self::Open(OpenError::Open { errno, .. })
                if errno.kind() == io::ErrorKind::ResourceBusy =>
            {
                gst::ResourceError::Busy
            }
            Self::Open(_) | Self::Fd { .. } => gst::ResourceError::OpenReadWrite,
            Self::NoCamera(_) => gst::ResourceError::NotFound,
        }
    }
}

impl Camera {
    /// Opens the camera that the user named, or takes a duplicate of the file that the application has.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or is no camera.
    pub(super) fn open(settings: &Settings) -> Result<Self, CameraError> {
        let fd = settings.device_fd;
        if fd == NO_FD {
            return Self::of(Device::open(&settings.device)?);
        }
        let file = duplicate(fd).map_err(|errno| CameraError::Fd { fd, errno })?;
        Self::of(Device::from_fd(file)?)
    }

    fn of(device: Device) -> Result<Self, CameraError> {
        if !device.info().is_camera() {
            return Err(CameraError::NoCamera(device.info().to_string()));
        }
        // Not every driver has a source that can change.
        let changes = device.set_subscribed(EventKind::SourceChange, true);
        let has_timings = changes.is_ok() && device.current_timings().is_ok();
        Ok(Self {
            device: Arc::new(device),
            caps: OnceLock::new(),
            formats: OnceLock::new(),
            has_timings,
        })
    }

    /// The device.
    pub(super) const fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Its open file, which stays the camera's.
    pub(super) fn fd(&self) -> RawFd {
        self.device.as_fd().as_raw_fd()
    }

    /// Its queue, for who sets the format and makes buffers.
    ///
    /// # Errors
    ///
    /// Somebody else streams.
    pub(super) fn queue(&self) -> Result<CaptureQueue<Idle>, QueueError> {
        CaptureQueue::new(&self.device)
    }

    /// The shape of a pixel, as caps have it, width to height: square where the driver does not say. V4L2 means height to width,
    /// so that pixels of 625 lines are 59/54; `v4l2src` hands on 54/59 as it is, and displays show its pictures too narrow.
    pub(super) fn pixel_aspect(&self) -> (i32, i32) {
        const SQUARE: (i32, i32) = (1, 1);
        let aspect = self.device.pixel_aspect(Queue::Capture);
        aspect.map_or(SQUARE, |(height, width)| {
            let width = i32::try_from(width).ok();
            width.zip(i32::try_from(height).ok()).unwrap_or(SQUARE)
        })
    }

    /// The camera as a party to a negotiation about memory.
    pub(super) fn importer(&self) -> QueueImporter {
        QueueImporter::of_device(&self.device, Queue::Capture)
    }

    /// Sets a digital input to what its source sends, if that is something else than before; true if it was.
    pub(super) fn follow_source(&self) -> Result<bool, DeviceError> {
        if !self.has_timings {
            return Ok(false);
        }
        let Ok(current) = self.device.current_timings() else {
            return Ok(false);
        };
        let source = self.device.source_timings()?;
        let is_other = source != current;
        if is_other {
            self.device.set_timings(&source)?;
            tracing::info!(device = %self.device.info(), "the source sends {source} now");
        }
        Ok(is_other)
    }

    /// Everything that it can do. The driver is asked once, for each format and its sizes.
    pub(super) fn caps(&self) -> gst::Caps {
        self.caps.get_or_init(|| self.ask(None)).clone()
    }

    /// What of `filter` it can do, in the order of `filter`. Where that names formats, the driver is asked about these alone.
    pub(super) fn caps_within(&self, filter: &gst::Caps) -> gst::Caps {
        let named = wish::named_codes(filter).filter(|_codes| self.caps.get().is_none());
        let caps = named.map_or_else(|| self.caps(), |codes| self.ask(Some(&codes)));
        filter.intersect_with_mode(&caps, gst::CapsIntersectMode::First)
    }

    /// All formats, or those among these, with their sizes.
    fn ask(&self, wanted: Option<&[V4l2Fourcc]>) -> gst::Caps {
        let mut by_sizes: BTreeMap<Vec<Extent>, Vec<V4l2Fourcc>> = BTreeMap::new();
        for &code in self.formats.get_or_init(|| self.ask_formats()) {
            if wanted.is_some_and(|wanted| !wanted.contains(&code)) {
                continue;
            }
            let sizes = self.device.sizes(code);
            let extents = sizes.map(|it| Extent::all(&it)).unwrap_or_default();
            by_sizes.entry(extents).or_default().push(code);
        }
        let mut caps = gst::Caps::new_empty();
        for form in [Form::DmaDrm, Form::Plain, Form::Bytes] {
            for (extents, codes) in &by_sizes {
                for extent in extents {
                    append(caps.make_mut(), form, *extent, codes);
                }
            }
        }
        caps
    }

    /// The formats that caps have words for, each once.
    fn ask_formats(&self) -> Vec<V4l2Fourcc> {
        let formats = self.device.formats(Queue::Capture).unwrap_or_default();
        let mut codes = Vec::new();
        for format in formats.iter().filter(|it| !it.is_emulated) {
            if has_caps(format.code) && !codes.contains(&format.code) {
                codes.push(format.code);
            }
        }
        codes
    }
}

/// From the smallest to the largest size: the same for a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    min: Size,
    max: Size,
}

impl Extent {
    /// All sizes of a format; anything where the driver does not say.
    fn all(sizes: &Choices<Size>) -> Vec<Self> {
        const ANY: Extent = Extent {
            min: Size {
                width: 1,
                height: 1,
            },
            max: Size {
                width: i32::MAX as u32,
                height: i32::MAX as u32,
            },
        };
        match sizes {
            Choices::Discrete(sizes) if sizes.is_empty() => vec![ANY],
            Choices::Discrete(sizes) => {
                let one = |&size: &Size| Self {
                    min: size,
                    max: size,
                };
                sizes.iter().map(one).collect()
            }
            Choices::Range { min, max, .. } => vec![Self {
                min: *min,
                max: *max,
            }],
        }
    }

    fn describe(self, structure: &mut gst::StructureRef) {
        let number = |side| i32::try_from(side).unwrap_or(i32::MAX);
        for (name, min, max) in [
            ("width", self.min.width, self.max.width),
            ("height", self.min.height, self.max.height),
        ] {
            if min < max {
                structure.set(name, gst::IntRange::new(number(min), number(max)));
            } else {
                structure.set(name, number(min));
            }
        }
        let rates =
            gst::FractionRange::new(gst::Fraction::new(0, 1), gst::Fraction::new(i32::MAX, 1));
        structure.set("framerate", rates);
    }
}

fn has_caps(code: V4l2Fourcc) -> bool {
    code.drm().is_some() || format::encoded_caps(code).is_some()
}

/// Adds those of `codes` that `form` has words for, in this size.
fn append(caps: &mut gst::CapsRef, form: Form, extent: Extent, codes: &[V4l2Fourcc]) {
    if form == Form::Bytes {
        for media in codes.iter().filter_map(|&code| format::encoded_caps(code)) {
            let mut media = media;
            if let Some(structure) = media.make_mut().structure_mut(0) {
                extent.describe(structure);
            }
            caps.append(media);
        }
        return;
    }
    let fourccs = codes.iter().filter_map(|code| code.drm());
    let built = if form == Form::DmaDrm {
        let mut names: Vec<_> = fourccs.map(format::drm_name).collect();
        names.dedup();
        let names = names.iter().map(glib::value::ToSendValue::to_send_value);
        VideoCapsBuilder::new()
            .features([gst_allocators::CAPS_FEATURE_MEMORY_DMABUF])
            .format(gst_video::VideoFormat::DmaDrm)
            .field("drm-format", gst::List::new(names))
            .build()
    } else {
        let mut formats: Vec<_> = fourccs.filter_map(video_format).collect();
        formats.dedup();
        VideoCapsBuilder::new().format_list(formats).build()
    };
    let is_something = match form {
        Form::DmaDrm => codes.iter().any(|code| code.drm().is_some()),
        _ => codes
            .iter()
            .any(|code| code.drm().and_then(video_format).is_some()),
    };
    if is_something {
        let mut built = built;
        if let Some(structure) = built.make_mut().structure_mut(0) {
            extent.describe(structure);
        }
        caps.append(built);
    }
}
