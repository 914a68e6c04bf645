//! Which part of a frame is seen, where, and in which colours: the words that all displays share.
//!
//! A KMS plane and a Wayland surface are told the same things about a frame. Said once, here, they are computed once.

mod color;
mod orientation;
mod placement;
mod rect;

pub use color::{ChromaSiting, YuvColor, YuvEncoding, YuvRange};
pub use orientation::Orientation;
pub use placement::Placement;
pub use rect::Rect;
