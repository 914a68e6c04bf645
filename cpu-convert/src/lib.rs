#![doc = include_str!("../README.md")]

mod conversion;
mod done;
mod engine;
mod error;
mod filter;
mod format;
mod mapping;
mod orientation;
mod picture;
mod plane;
mod unsupported;

pub use conversion::Conversion;
pub use done::Done;
pub use error::ConvertError;
pub use filter::Filter;
pub use orientation::Orientation;
pub use picture::Picture;
pub use plane::{PlaneMut, PlaneRef};
pub use unsupported::{End, Unsupported};
