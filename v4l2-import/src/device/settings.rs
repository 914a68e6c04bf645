//! Rectangles and intervals.

use std::fmt;
use std::os::fd::AsFd;

use rustix::io::Errno;

use super::{Device, DeviceError, Queue};
use crate::format::Interval;
use crate::uapi::{self, CropCapability, Selection, StreamParameters};

/// A rectangle in pixels (`struct v4l2_rect`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rectangle {
    /// Pixels from the left.
    pub left: i32,
    /// Pixels from the top.
    pub top: i32,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl fmt::Display for Rectangle {
    /// As in `640x480+16+8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            left,
            top,
            width,
            height,
        } = self;
        write!(f, "{width}x{height}{left:+}{top:+}")
    }
}

/// Which rectangle (`V4L2_SEL_TGT_*`, `Documentation/userspace-api/media/v4l/selection-api.rst`).
///
/// On a capture queue, what is cropped of the source is composed into the frame; on an output queue, what is cropped of the
/// frame is composed into the picture that the device works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SelectionTarget {
    /// What is taken.
    Crop,
    /// What is taken if nobody asks for anything else.
    CropDefault,
    /// What can be taken.
    CropBounds,
    /// Where it is put.
    Compose,
    /// Where it is put if nobody asks for anything else.
    ComposeDefault,
    /// Where it can be put.
    ComposeBounds,
}

impl SelectionTarget {
    const fn code(self) -> u32 {
        match self {
            Self::Crop => uapi::SEL_TGT_CROP,
            Self::CropDefault => uapi::SEL_TGT_CROP + 1,
            Self::CropBounds => uapi::SEL_TGT_CROP + 2,
            Self::Compose => uapi::SEL_TGT_COMPOSE,
            Self::ComposeDefault => uapi::SEL_TGT_COMPOSE + 1,
            Self::ComposeBounds => uapi::SEL_TGT_COMPOSE + 2,
        }
    }
}

/// What a driver may do to a rectangle that it cannot have as it is (`V4L2_SEL_FLAG_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// Take the nearest.
    #[default]
    Nearest,
    /// Take one that is at least as large.
    Larger,
    /// Take one that is at most as large.
    Smaller,
    /// Refuse it (ERANGE).
    Exact,
}

impl Rounding {
    const fn flags(self) -> u32 {
        match self {
            Self::Nearest => 0,
            Self::Larger => 1,
            Self::Smaller => 2,
            Self::Exact => 3,
        }
    }
}

impl Device {
    /// A rectangle of a queue.
    ///
    /// # Errors
    ///
    /// The device has no such queue or rectangle.
    pub fn selection(
        &self,
        queue: Queue,
        target: SelectionTarget,
    ) -> Result<Rectangle, DeviceError> {
        let mut selection = selection(queue, target);
        uapi::get_selection(self.as_fd(), &mut selection).map_err(|errno| {
            self.error(
                Some(queue),
                "VIDIOC_G_SELECTION",
                format_args!("{target:?}"),
                errno,
            )
        })?;
        Ok(rectangle(&selection))
    }

    /// Changes a rectangle of a queue, and returns what it became.
    ///
    /// # Errors
    ///
    /// The device has no such queue or rectangle, or `rounding` forbids what it would make of it.
    pub fn set_selection(
        &self,
        queue: Queue,
        target: SelectionTarget,
        wanted: Rectangle,
        rounding: Rounding,
    ) -> Result<Rectangle, DeviceError> {
        let mut selection = Selection {
            flags: rounding.flags(),
            left: wanted.left,
            top: wanted.top,
            width: wanted.width,
            height: wanted.height,
            ..selection(queue, target)
        };
        uapi::set_selection(self.as_fd(), &mut selection).map_err(|errno| {
            let subject = format_args!("{target:?} to {wanted}");
            self.error(Some(queue), "VIDIOC_S_SELECTION", subject, errno)
        })?;
        Ok(rectangle(&selection))
    }

    /// The shape of a pixel (`pixelaspect` of `struct v4l2_cropcap`), as numerator and denominator: (1, 1) for square ones, (54, 59)
    /// and (11, 10) for television of 625 and of 525 lines. V4L2 means height to width by it, of a picture that is not scaled.
    ///
    /// # Errors
    ///
    /// The device has no such queue, or its driver knows no shape of pixels (ENOTTY, ENODATA), or says 0.
    pub fn pixel_aspect(&self, queue: Queue) -> Result<(u32, u32), DeviceError> {
        let mut capability = CropCapability {
            buffer_type: selection_type(queue),
            ..CropCapability::default()
        };
        let result = uapi::get_crop_capability(self.as_fd(), &mut capability);
        let [numerator, denominator] = capability.pixel_aspect;
        match result {
            Ok(()) if numerator > 0 && denominator > 0 => Ok((numerator, denominator)),
            Ok(()) => Err(Errno::NODATA),
            Err(errno) => Err(errno),
        }
        .map_err(|errno| self.error(Some(queue), "VIDIOC_CROPCAP", "the shape of pixels", errno))
    }

    /// The time between two pictures.
    ///
    /// # Errors
    ///
    /// The device has no such queue, or its driver knows no interval (ENOTTY).
    pub fn interval(&self, queue: Queue) -> Result<Interval, DeviceError> {
        Ok(interval(&self.parameters(queue)?))
    }

    /// Changes the time between two pictures, and returns what it became: the nearest that the device has.
    ///
    /// # Errors
    ///
    /// The device has no such queue, or its driver knows no interval (ENOTTY).
    pub fn set_interval(&self, queue: Queue, wanted: Interval) -> Result<Interval, DeviceError> {
        let mut parameters = self.parameters(queue)?;
        parameters.interval = [wanted.numerator, wanted.denominator];
        uapi::set_parameters(self.as_fd(), &mut parameters).map_err(|errno| {
            let subject = format_args!("interval {wanted}");
            self.error(Some(queue), "VIDIOC_S_PARM", subject, errno)
        })?;
        Ok(interval(&parameters))
    }

    fn parameters(&self, queue: Queue) -> Result<StreamParameters, DeviceError> {
        let mut parameters = StreamParameters::new(self.info().buffer_type(queue));
        let result = uapi::get_parameters(self.as_fd(), &mut parameters);
        let knows_interval = parameters.capability & uapi::CAP_TIMEPERFRAME != 0;
        match result {
            Ok(()) if knows_interval => Ok(parameters),
            Ok(()) => Err(Errno::NOTTY),
            Err(errno) => Err(errno),
        }
        .map_err(|errno| self.error(Some(queue), "VIDIOC_G_PARM", "interval", errno))
    }
}

/// Where rectangles are concerned, the types of the single-planar interface are taken, on every kernel.
const fn selection_type(queue: Queue) -> u32 {
    match queue {
        Queue::Capture => uapi::BUF_TYPE_VIDEO_CAPTURE,
        Queue::Output => uapi::BUF_TYPE_VIDEO_OUTPUT,
    }
}

fn selection(queue: Queue, target: SelectionTarget) -> Selection {
    Selection {
        buffer_type: selection_type(queue),
        target: target.code(),
        ..Selection::default()
    }
}

const fn rectangle(selection: &Selection) -> Rectangle {
    Rectangle {
        left: selection.left,
        top: selection.top,
        width: selection.width,
        height: selection.height,
    }
}

const fn interval(parameters: &StreamParameters) -> Interval {
    let [numerator, denominator] = parameters.interval;
    Interval {
        numerator,
        denominator,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `V4L2_SEL_TGT_*` of `include/uapi/linux/v4l2-common.h`.
    #[test]
    fn targets_have_the_numbers_of_the_kernel() {
        use SelectionTarget as Target;
        let targets = [
            Target::Crop,
            Target::CropDefault,
            Target::CropBounds,
            Target::Compose,
            Target::ComposeDefault,
            Target::ComposeBounds,
        ];
        assert_eq!(
            targets.map(SelectionTarget::code),
            [0, 1, 2, 0x100, 0x101, 0x102]
        );
    }

    #[test]
    fn rectangles_read_like_x_geometries() {
        let rectangle = Rectangle {
            left: -16,
            top: 8,
            width: 640,
            height: 480,
        };
        assert_eq!(rectangle.to_string(), "640x480-16+8");
    }
}
