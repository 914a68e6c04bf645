use std::fmt;

use super::V4l2Fourcc;

/// A format that a queue offers (`VIDIOC_ENUM_FMT`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatInfo {
    /// The code.
    pub code: V4l2Fourcc,
    /// What the driver calls it.
    pub description: String,
    /// Its pictures have no rows of pixels.
    pub is_compressed: bool,
    /// A library makes it of another format, with a copy; the driver does not have it.
    pub is_emulated: bool,
    /// The device can make what pixels stand for something else, as a [`FormatRequest`](super::FormatRequest) wishes: one or more
    /// of colour space, encoding, quantization and transfer function.
    pub converts_colors: bool,
}

/// A size or an interval that a driver offers: single values, or everything between two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choices<T> {
    /// These and no others.
    Discrete(Vec<T>),
    /// From `min` to `max` in steps of `step`.
    Range {
        /// The smallest.
        min: T,
        /// The largest.
        max: T,
        /// From one to the next.
        step: T,
    },
}

/// Width and height, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// The time between two pictures, in seconds as a fraction: 1/30 is 30 pictures a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interval {
    /// Seconds …
    pub numerator: u32,
    /// … divided by this.
    pub denominator: u32,
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} s", self.numerator, self.denominator)
    }
}
