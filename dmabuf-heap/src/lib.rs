#![doc = include_str!("../README.md")]

mod alloc;
mod dmabuf;
mod error;
mod format;
mod frame;
mod import_cache;
mod layout;
mod mapping;
mod negotiate;
mod picture;
mod pool;
#[cfg(test)]
mod test;
mod uapi;

pub use alloc::{
    Account, AllocateError, Allocator, Attempt, ByteAllocator, Capabilities, Contiguity, FindError,
    Heap, Ledger, Linear, OpenError, RegisterError, Registry, Udmabuf, Unavailable,
};
pub use dmabuf::{DmaBuf, DmaBufId};
pub use error::Error;
pub use format::{
    ColorModel, Format, FormatSet, Fourcc, Modifier, ParseFormatError, PixelFormat, PlaneFormat,
};
pub use frame::{Frame, FrameError, FrameKey};
pub use import_cache::ImportCache;
pub use layout::{
    CpuUse, FrameLayout, FrameSpec, LayoutError, LayoutRequest, MAX_PLANES, PlaneLayout, Topology,
};
pub use mapping::{Access, AccessError, CpuAccess, MapError, Mapping, Read, Witness, Write};
pub use negotiate::{
    Allocation, Answer, Conflict, Constraints, CpuImporter, DeviceKey, Explanation, Importer, Need,
    Needs, NegotiateError, Negotiation, Outcome, Reach, Refusal, Remembered, Role, Shortage,
    SolveError, Step, Suspect, Translation, Unsuitable, Verdict, Why, Wish,
};
pub use picture::{ChromaSiting, Orientation, Placement, Rect, YuvColor, YuvEncoding, YuvRange};
pub use pool::{Holder, Pool, PoolError, PooledFrame};
