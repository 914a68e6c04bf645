//! From what shall be on screen to the properties that must change for it.

mod blob;
mod scene;
mod state;

pub use dmabuf_heap::{ChromaSiting, Placement, Rect, YuvColor, YuvEncoding, YuvRange};

pub(crate) use blob::Blob;
pub(crate) use scene::{Picture, Scene};
pub(crate) use state::{AtomicState, Changes, ModeChoice};
