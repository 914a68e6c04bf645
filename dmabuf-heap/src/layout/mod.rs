//! Where the planes of a picture lie in memory. The only place with size arithmetic.
//!
//! Green or skewed pictures come from two parties that computed a stride or a plane offset each in their own way.
//! Here it is computed once, in checked 64-bit arithmetic, and everybody gets the result: [`FrameLayout`].

pub(crate) mod arithmetic;
mod error;
mod frame_layout;
pub(crate) mod linear;
mod request;
mod spec;
mod topology;

pub use error::LayoutError;
pub use frame_layout::{FrameLayout, MAX_PLANES, PlaneLayout};
pub use request::LayoutRequest;
pub use spec::{CpuUse, FrameSpec};
pub use topology::Topology;
