use std::fmt;
use std::os::fd::AsFd;

use rustix::io::Errno;

use super::{Device, DeviceError, Queue};
use crate::format::Size;
use crate::uapi::{self, RawTimings};

/// The timings of a digital input, HDMI or SDI (`struct v4l2_dv_timings`): what a source sends, down to its blanking.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DvTimings(RawTimings);

impl DvTimings {
    /// The picture, without blanking. Of interlaced pictures, both fields.
    pub const fn size(&self) -> Size {
        Size {
            width: self.0.width,
            height: self.0.height,
        }
    }

    /// Whether a picture comes as two fields.
    pub const fn is_interlaced(&self) -> bool {
        self.0.interlaced != 0
    }

    /// Pixels a second, with those of the blanking.
    pub fn pixel_clock_hz(&self) -> u64 {
        let [low, high] = self.0.pixel_clock;
        if cfg!(target_endian = "little") {
            u64::from(low) | u64::from(high) << 32
        } else {
            u64::from(high) | u64::from(low) << 32
        }
    }
}

impl fmt::Display for DvTimings {
    /// As in `1920x1080, 148500000 Hz`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let interlaced = if self.is_interlaced() {
            " interlaced"
        } else {
            ""
        };
        write!(
            f,
            "{}{interlaced}, {} Hz",
            self.size(),
            self.pixel_clock_hz()
        )
    }
}

impl fmt::Debug for DvTimings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DvTimings({self})")
    }
}

impl Device {
    /// What the source sends now (`VIDIOC_QUERY_DV_TIMINGS`). It is not what the device is set to before somebody
    /// [sets](Self::set_timings) it.
    ///
    /// # Errors
    ///
    /// There is no signal (ENOLINK), none that is stable yet (ENOLCK), or one that the device cannot take (ERANGE); or the
    /// device, or its current input, has no timings (ENOTTY, ENODATA).
    pub fn source_timings(&self) -> Result<DvTimings, DeviceError> {
        let mut timings = RawTimings::default();
        let result = uapi::query_timings(self.as_fd(), &mut timings);
        self.timings("VIDIOC_QUERY_DV_TIMINGS", result, timings)
    }

    /// What the device is set to.
    ///
    /// # Errors
    ///
    /// The device, or its current input, has no timings (ENOTTY, ENODATA).
    pub fn current_timings(&self) -> Result<DvTimings, DeviceError> {
        let mut timings = RawTimings::default();
        let result = uapi::get_timings(self.as_fd(), &mut timings);
        self.timings("VIDIOC_G_DV_TIMINGS", result, timings)
    }

    /// Sets the device to timings, which brings its formats to that size.
    ///
    /// # Errors
    ///
    /// The device has buffers (EBUSY), or cannot take them (EINVAL, ERANGE).
    pub fn set_timings(&self, timings: &DvTimings) -> Result<(), DeviceError> {
        let mut raw = timings.0;
        uapi::set_timings(self.as_fd(), &mut raw).map_err(|errno| {
            self.error(Some(Queue::Capture), "VIDIOC_S_DV_TIMINGS", timings, errno)
        })
    }

    fn timings(
        &self,
        operation: &'static str,
        result: Result<(), Errno>,
        timings: RawTimings,
    ) -> Result<DvTimings, DeviceError> {
        let what = |errno| match errno {
            Errno::NOLINK => "the timings: there is no signal",
            Errno::NOLCK => "the timings: the signal is not stable yet",
            Errno::RANGE => "the timings: the signal is beyond what the device takes",
            _ => "the timings",
        };
        match result {
            Ok(()) => Ok(DvTimings(timings)),
            Err(errno) => Err(self.error(Some(Queue::Capture), operation, what(errno), errno)),
        }
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn timings_read_like_a_data_sheet() {
        let timings = DvTimings(RawTimings {
            width: 1920,
            height: 1080,
            pixel_clock: [148_500_000, 0],
            ..RawTimings::default()
        });
        assert_eq!(timings.to_string(), "1920x1080, 148500000 Hz");
        assert!(!timings.is_interlaced());
    }
}
