#![doc = include_str!("../README.md")]

mod buffer;
mod client;
mod contain;
mod display;
mod feedback;
#[cfg(feature = "foreign")]
mod ffi;
mod importer;
mod link;
mod outbox;
mod shm;
mod surface;

pub use buffer::{ImportError, ImportStats};
pub use display::{Clock, ConnectError, Display, LostError, Monitor, Offers, YuvSupport};
pub use dmabuf_heap::{
    ChromaSiting, Orientation, Placement, Rect, YuvColor, YuvEncoding, YuvRange,
};
pub use importer::SurfaceImporter;
pub use surface::{
    CopyCost, Input, PlacementError, ShowError, ShownFlags, Surface, SurfaceBuilder, SurfaceError,
    SurfaceEvent, SurfaceStats, Unshown,
};
