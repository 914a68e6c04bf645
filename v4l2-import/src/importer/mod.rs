//! A queue of a V4L2 device as an importer of a negotiation.

mod layout;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use dmabuf_heap::{
    Allocator, Constraints, DeviceKey, Frame, FrameSpec, Importer, Linear, Reach, Refusal, Role,
    Verdict, Why,
};

use crate::device::{Device, DeviceInfo, OpenError, Queue};
use crate::exports::{ExportAllocator, OpenDevice};
use crate::probe::{Party, Probe, check_kind};

/// One queue of a V4L2 device: a camera that fills frames, or one side of a mem2mem device.
///
/// The device is open only for the length of one call. Constraints come from `VIDIOC_G_FMT` and `VIDIOC_TRY_FMT`, the
/// verdict from an import without streaming; see the documentation of the crate.
pub struct QueueImporter {
    open: Arc<OpenDevice>,
    queue: Queue,
    /// Who it was when it was opened first.
    info: DeviceInfo,
    name: String,
    key: Option<DeviceKey>,
    may_set_format: bool,
    /// Read when it is asked for.
    reach: OnceLock<Reach>,
    exports: Option<Arc<Linear<ExportAllocator>>>,
}

impl QueueImporter {
    /// The importer of a queue of the device that `open` opens, each time anew or as a duplicate of a file that somebody
    /// streams with later. It is called here once, for the name.
    ///
    /// Mem2mem devices have queues for each open file: a duplicate asks those of its owner, a new file has queues that
    /// nobody uses and want [`may_set_format`](Self::may_set_format).
    ///
    /// # Errors
    ///
    /// `open` fails, or opens something else.
    pub fn new(
        open: impl Fn() -> io::Result<OwnedFd> + Send + Sync + 'static,
        queue: Queue,
    ) -> Result<Self, OpenError> {
        let fd = open().map_err(OpenError::from_caller)?;
        let key = DeviceKey::of(&fd).ok();
        let device = Device::from_fd(fd)?;
        Ok(Self {
            open: Arc::new(open),
            queue,
            name: device.info().to_string(),
            info: device.info().clone(),
            key,
            may_set_format: false,
            reach: OnceLock::new(),
            exports: None,
        })
    }

    /// The importer of a queue of a device that is open here: its file is duplicated for each question.
    pub fn of_device(device: &Arc<Device>, queue: Queue) -> Self {
        let shared = device.clone();
        Self {
            open: Arc::new(move || shared.as_fd().try_clone_to_owned()),
            queue,
            name: device.info().to_string(),
            info: device.info().clone(),
            key: DeviceKey::of(device).ok(),
            may_set_format: false,
            reach: OnceLock::new(),
            exports: None,
        }
    }

    /// Whether a probe may change the format of the device to that of the frame. Format, crop, compose and interval
    /// are put back. Without, frames of another format than the current one are [`Unknown`](Verdict::Unknown), as is right
    /// for the camera of an element that sets its format itself.
    ///
    /// With it, strides are the user's choice where the driver leaves them; without, they are the driver's.
    #[must_use]
    pub const fn may_set_format(mut self, may: bool) -> Self {
        self.may_set_format = may;
        self
    }

    /// Offers the negotiation the memory that the driver itself makes and exports, should no allocator of the registry suit.
    ///
    /// # Errors
    ///
    /// The device cannot be opened now.
    pub fn offer_exports(mut self) -> Result<Self, OpenError> {
        let allocator = ExportAllocator::of(self.open.clone(), self.queue, &self.device()?);
        self.exports = Some(Arc::new(Linear(allocator)));
        Ok(self)
    }

    /// The queue it asks.
    pub const fn queue(&self) -> Queue {
        self.queue
    }

    /// The device, opened anew. One that was seen before need not say again who it is.
    fn device(&self) -> Result<Device, OpenError> {
        let fd = (self.open)().map_err(OpenError::from_caller)?;
        if self.key.is_some() && DeviceKey::of(&fd).ok() == self.key {
            return Ok(Device::known(fd, self.info.clone()));
        }
        Device::from_fd(fd)
    }

    fn party(&self) -> Party<'_> {
        Party {
            name: &self.name,
            queue: self.queue,
        }
    }
}

impl Importer for QueueImporter {
    fn name(&self) -> &str {
        &self.name
    }

    fn role(&self) -> Role {
        match self.queue {
            Queue::Capture => Role::Writes,
            Queue::Output => Role::Reads,
        }
    }

    fn device(&self) -> Option<DeviceKey> {
        self.key
    }

    /// A device that cannot be opened now constrains nothing; its probe says so.
    fn constraints(&self, spec: &FrameSpec) -> Result<Constraints, Refusal> {
        let device = match self.device() {
            Ok(device) => device,
            Err(error) => {
                tracing::debug!(%error, "no constraints of a device that cannot be asked");
                return Ok(Constraints::of(self.name.as_str()));
            }
        };
        check_kind(&device, self.party())?;
        layout::constraints(&device, self.party(), self.may_set_format, spec)
    }

    fn reach(&self) -> Reach {
        let unknown = || self.key.map_or(Reach::Unknown, Reach::of);
        *self.reach.get_or_init(unknown)
    }

    fn probe(&self, frame: &Frame) -> Verdict {
        match self.device() {
            Ok(device) => Probe {
                device: &device,
                party: self.party(),
                may_set_format: self.may_set_format,
                reach: self.reach(),
            }
            .run(frame),
            Err(error) => Verdict::Unknown(Why(error.to_string())),
        }
    }

    fn own_allocator(&self) -> Option<Arc<dyn Allocator>> {
        Some(self.exports.clone()?)
    }
}

impl fmt::Debug for QueueImporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueImporter")
            .field("name", &self.name)
            .field("queue", &self.queue)
            .field("may_set_format", &self.may_set_format)
            .finish_non_exhaustive()
    }
}
