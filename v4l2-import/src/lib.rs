#![doc = include_str!("../README.md")]

mod device;
mod format;
mod importer;
mod probe;
mod uapi;

pub use device::{Device, DeviceError, DeviceInfo, DeviceKind, Found, OpenError, Queue, enumerate};
pub use format::{
    BufferFormat, Choices, Colorimetry, FormatInfo, Interval, QueueFormat, Size, V4l2Fourcc,
};
pub use importer::QueueImporter;
