#![doc = include_str!("../README.md")]

mod alloc;
mod dmabuf;
mod error;
mod format;
mod frame;
mod layout;
mod mapping;
mod negotiate;
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
pub use layout::{
    CpuUse, FrameLayout, FrameSpec, LayoutError, LayoutRequest, MAX_PLANES, PlaneLayout, Topology,
};
pub use mapping::{Access, AccessError, CpuAccess, MapError, Mapping, Read, Witness, Write};
pub use negotiate::{
    Conflict, Constraints, CpuImporter, DeviceKey, Importer, Need, Needs, Refusal, Role,
    SolveError, Suspect, Translation, Verdict, Why, Wish,
};
pub use pool::{Holder, Pool, PoolError, PooledFrame};
