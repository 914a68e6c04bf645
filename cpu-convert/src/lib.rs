#![doc = include_str!("../README.md")]

mod conversion;
mod done;
mod engine;
mod error;
mod filter;
mod format;
mod mapping;
mod picture;
mod plane;
mod unsupported;

pub use conversion::Conversion;
#[doc(no_inline)]
pub use dmabuf_heap::Orientation;
pub use done::Done;
pub use error::ConvertError;
pub use filter::Filter;
pub use picture::Picture;
pub use plane::{PlaneMut, PlaneRef};
pub use unsupported::{End, Unsupported};
