#![doc = include_str!("../README.md")]

mod dmabuf;
mod error;
mod format;
mod frame;
mod layout;
mod mapping;
mod uapi;

pub use dmabuf::{DmaBuf, DmaBufId};
pub use error::Error;
pub use format::{
    ColorModel, Format, FormatSet, Fourcc, Modifier, ParseFormatError, PixelFormat, PlaneFormat,
};
pub use frame::{Frame, FrameError, FrameKey};
pub use layout::{
    CpuUse, FrameLayout, FrameSpec, LayoutError, LayoutRequest, MAX_PLANES, PlaneLayout,
};
pub use mapping::{Access, AccessError, CpuAccess, MapError, Mapping, Read, Write};
