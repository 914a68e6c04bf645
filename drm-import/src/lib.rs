#![doc = include_str!("../README.md")]

mod atomic;
mod connector;
mod device;
mod dumb;
mod events;
mod framebuffer;
mod importer;
mod output;
mod plane;
mod property;
mod uapi;
mod writeback;

pub use atomic::{ChromaSiting, Placement, Rect, YuvColor, YuvEncoding, YuvRange};
pub use connector::{ConnectorInfo, Mode};
pub use device::{CardInfo, Device, Looked, OpenError, cards};
pub use dumb::DumbAllocator;
pub use framebuffer::{Framebuffer, ImportError, ImportStats};
pub use importer::PlaneImporter;
pub use output::{
    CommitError, ConfigureError, Output, OutputBuilder, OutputError, OutputEvent, OutputStats,
    ShowError,
};
pub use plane::PlaneKind;
pub use writeback::SnapshotError;
