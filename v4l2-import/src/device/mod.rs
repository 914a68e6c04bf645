//! An open V4L2 device and what can be asked of it.

mod claim;
mod error;
mod info;
mod list;
mod settings;
mod timings;

use std::fmt::Display;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

pub use error::{DeviceError, OpenError};
pub use info::{DeviceInfo, DeviceKind, Queue};
pub use list::{Found, enumerate};
pub use settings::{Rectangle, Rounding, SelectionTarget};
pub use timings::DvTimings;

pub(crate) use claim::{Claim, Claims};
pub(crate) use info::text;

use crate::format::{
    Choices, FormatInfo, FormatRequest, Interval, QueueFormat, RawFormat, Size, V4l2Fourcc,
};
use crate::uapi;

/// A V4L2 device, open in this process.
///
/// What does not begin with `set_` changes nothing, so the device may belong to somebody who streams. Streaming is the
/// business of a [`BufferQueue`](crate::BufferQueue).
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
    info: DeviceInfo,
    claims: Claims,
}

impl Device {
    /// Opens a node such as `/dev/video0`.
    ///
    /// # Errors
    ///
    /// The node cannot be opened, or is no V4L2 device.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::io::retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))
            .map_err(|errno| OpenError::new(path, errno.into()))?;
        Self::new(fd, path.to_owned())
    }

    /// Takes over an open file. A duplicate of somebody's fd shares that one's queues.
    ///
    /// # Errors
    ///
    /// It is no V4L2 device. The file is closed then.
    pub fn from_fd(fd: OwnedFd) -> Result<Self, OpenError> {
        let link = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        let path = std::fs::read_link(&link).unwrap_or(link);
        Self::new(fd, path)
    }

    fn new(fd: OwnedFd, path: PathBuf) -> Result<Self, OpenError> {
        let mut capability = uapi::Capability::default();
        match uapi::query_capabilities(fd.as_fd(), &mut capability) {
            Ok(()) => Ok(Self {
                info: DeviceInfo::new(path, &capability),
                fd,
                claims: Claims::default(),
            }),
            Err(errno @ (Errno::NODEV | Errno::NXIO)) => Err(OpenError::new(&path, errno.into())),
            Err(errno) => Err(OpenError::NotV4l2 {
                path,
                errno: errno.into(),
            }),
        }
    }

    /// The device of an open file of which somebody knows already who it is.
    pub(crate) fn known(fd: OwnedFd, info: DeviceInfo) -> Self {
        Self {
            fd,
            info,
            claims: Claims::default(),
        }
    }

    /// Who it is.
    pub const fn info(&self) -> &DeviceInfo {
        &self.info
    }

    /// The formats that a queue offers, in the driver's order.
    ///
    /// # Errors
    ///
    /// The device has no such queue, or is gone.
    pub fn formats(&self, queue: Queue) -> Result<Vec<FormatInfo>, DeviceError> {
        let mut formats = Vec::new();
        for index in 0.. {
            let mut entry = uapi::FormatDescription {
                index,
                buffer_type: self.info.buffer_type(queue),
                ..uapi::FormatDescription::default()
            };
            match uapi::enumerate_format(self.fd.as_fd(), &mut entry) {
                Ok(()) => formats.push(FormatInfo {
                    code: V4l2Fourcc(entry.pixelformat),
                    description: text(&entry.description),
                    is_compressed: entry.flags & uapi::FMT_FLAG_COMPRESSED != 0,
                    is_emulated: entry.flags & uapi::FMT_FLAG_EMULATED != 0,
                    converts_colors: entry.flags & uapi::FMT_FLAGS_CSC != 0,
                }),
                Err(Errno::INVAL) if index > 0 => break,
                Err(errno) => {
                    let subject = format_args!("format {index}");
                    return Err(self.error(Some(queue), "VIDIOC_ENUM_FMT", subject, errno));
                }
            }
        }
        Ok(formats)
    }

    /// The sizes in which the device makes or takes a format. An empty list: it does not say, [`try_format`](Self::try_format)
    /// finds out.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub fn sizes(&self, code: V4l2Fourcc) -> Result<Choices<Size>, DeviceError> {
        let size = |width, height| Size { width, height };
        let mut sizes = Vec::new();
        for index in 0.. {
            let mut entry = uapi::FrameSizeEnum {
                index,
                pixelformat: code.0,
                ..uapi::FrameSizeEnum::default()
            };
            match uapi::enumerate_size(self.fd.as_fd(), &mut entry) {
                Ok(()) if entry.kind != uapi::ENUM_DISCRETE => {
                    let [
                        min_width,
                        max_width,
                        step_width,
                        min_height,
                        max_height,
                        step_height,
                    ] = entry.values;
                    return Ok(Choices::Range {
                        min: size(min_width, min_height),
                        max: size(max_width, max_height),
                        step: size(step_width, step_height),
                    });
                }
                Ok(()) => sizes.push(size(entry.values[0], entry.values[1])),
                Err(Errno::INVAL | Errno::NOTTY) => break,
                Err(errno) => return Err(self.error(None, "VIDIOC_ENUM_FRAMESIZES", code, errno)),
            }
        }
        Ok(Choices::Discrete(sizes))
    }

    /// The intervals at which the device makes or takes pictures of a format and size. An empty list: it does not say.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub fn intervals(
        &self,
        code: V4l2Fourcc,
        size: Size,
    ) -> Result<Choices<Interval>, DeviceError> {
        let interval = |of: &[u32]| Interval {
            numerator: of[0],
            denominator: of[1],
        };
        let mut intervals = Vec::new();
        for index in 0.. {
            let mut entry = uapi::FrameIntervalEnum {
                index,
                pixelformat: code.0,
                width: size.width,
                height: size.height,
                ..uapi::FrameIntervalEnum::default()
            };
            match uapi::enumerate_interval(self.fd.as_fd(), &mut entry) {
                Ok(()) if entry.kind != uapi::ENUM_DISCRETE => {
                    let (min, rest) = entry.values.split_at(2);
                    let (max, step) = rest.split_at(2);
                    return Ok(Choices::Range {
                        min: interval(min),
                        max: interval(max),
                        step: interval(step),
                    });
                }
                Ok(()) => intervals.push(interval(&entry.values)),
                Err(Errno::INVAL | Errno::NOTTY) => break,
                Err(errno) => {
                    let subject = format_args!("{code} {size}");
                    return Err(self.error(None, "VIDIOC_ENUM_FRAMEINTERVALS", subject, errno));
                }
            }
        }
        Ok(Choices::Discrete(intervals))
    }

    /// The current format of a queue.
    ///
    /// # Errors
    ///
    /// The device has no such queue, or no format yet: a grabber without a signal, a decoder before its first header.
    pub fn format(&self, queue: Queue) -> Result<QueueFormat, DeviceError> {
        Ok((&self.raw_format(queue)?).into())
    }

    /// The format that the device would choose for progressive pictures of this format and size. It is free to answer with
    /// another format and size.
    ///
    /// # Errors
    ///
    /// The device has no such queue or format.
    pub fn try_format(
        &self,
        queue: Queue,
        code: V4l2Fourcc,
        size: Size,
    ) -> Result<QueueFormat, DeviceError> {
        let buffer_type = self.info.buffer_type(queue);
        let wanted = RawFormat::wanted(buffer_type, code, size.width, size.height);
        Ok((&self.try_raw(queue, wanted)?).into())
    }

    /// The format that the device would choose when it is asked for this one.
    ///
    /// # Errors
    ///
    /// The device has no such queue or format.
    pub fn try_request(
        &self,
        queue: Queue,
        request: &FormatRequest,
    ) -> Result<QueueFormat, DeviceError> {
        let raw = request.raw(self.info.buffer_type(queue));
        Ok((&self.try_raw(queue, raw)?).into())
    }

    pub(crate) const fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(crate) fn raw_format(&self, queue: Queue) -> Result<RawFormat, DeviceError> {
        let buffer_type = self.info.buffer_type(queue);
        let mut format = RawFormat::empty(buffer_type);
        let result = match &mut format {
            RawFormat::Single(format) => uapi::get_single(self.fd.as_fd(), format),
            RawFormat::Multi(format) => uapi::get_multi(self.fd.as_fd(), format),
        };
        let error = |errno| self.error(Some(queue), "VIDIOC_G_FMT", "the current format", errno);
        result.map(|()| format).map_err(error)
    }

    pub(crate) fn try_raw(
        &self,
        queue: Queue,
        mut format: RawFormat,
    ) -> Result<RawFormat, DeviceError> {
        let subject = QueueFormat::from(&format);
        let result = match &mut format {
            RawFormat::Single(format) => uapi::try_single(self.fd.as_fd(), format),
            RawFormat::Multi(format) => uapi::try_multi(self.fd.as_fd(), format),
        };
        let error = |errno| self.error(Some(queue), "VIDIOC_TRY_FMT", subject, errno);
        result.map(|()| format).map_err(error)
    }

    pub(crate) fn set_raw(
        &self,
        queue: Queue,
        mut format: RawFormat,
    ) -> Result<RawFormat, DeviceError> {
        let subject = QueueFormat::from(&format);
        let result = match &mut format {
            RawFormat::Single(format) => uapi::set_single(self.fd.as_fd(), format),
            RawFormat::Multi(format) => uapi::set_multi(self.fd.as_fd(), format),
        };
        let error = |errno| self.error(Some(queue), "VIDIOC_S_FMT", subject, errno);
        result.map(|()| format).map_err(error)
    }

    pub(crate) fn error(
        &self,
        queue: Option<Queue>,
        operation: &'static str,
        subject: impl Display,
        errno: Errno,
    ) -> DeviceError {
        DeviceError {
            device: self.info.to_string(),
            queue,
            operation,
            subject: subject.to_string(),
            errno: errno.into(),
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
