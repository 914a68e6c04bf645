#![doc = include_str!("../README.md")]

mod control;
mod convert;
mod device;
mod event;
mod exports;
mod format;
mod importer;
mod mapping;
mod media;
mod probe;
mod queue;
mod uapi;

pub use control::{ControlId, ControlInfo, ControlKind, ControlValue};
pub use convert::{ConvertError, Converter, Prospect, Side, Transform};
pub use device::{
    Device, DeviceError, DeviceInfo, DeviceKind, DvTimings, Found, OpenError, Queue, Rectangle,
    Rounding, SelectionTarget, enumerate,
};
pub use event::{Event, EventKind};
pub use exports::ExportAllocator;
pub use format::{
    BufferFormat, Choices, Colorimetry, FormatInfo, FormatRequest, Interval, QueueFormat, Size,
    V4l2Fourcc,
};
pub use importer::QueueImporter;
pub use mapping::MapError;
pub use queue::{
    Allocated, Buffer, BufferFlags, BufferQueue, Capture, CaptureQueue, Clock, Dequeued, Direction,
    Done, Drain, Failed, Filled, Finished, FrameQueue, Idle, Output, OutputQueue, Payload,
    PlanePayload, QueueError, Ready, State, Streaming, WithBuffers,
};
