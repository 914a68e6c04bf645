//! Pixel formats, sizes and layouts as V4L2 counts them, and what they are in DRM's words.

mod colorimetry;
mod description;
mod fourcc;
mod queue_format;
mod raw;
mod request;
mod table;

pub use colorimetry::Colorimetry;
pub use description::{Choices, FormatInfo, Interval, Size};
pub use fourcc::V4l2Fourcc;
pub use queue_format::{BufferFormat, QueueFormat};
pub(crate) use raw::RawFormat;
pub use request::FormatRequest;
