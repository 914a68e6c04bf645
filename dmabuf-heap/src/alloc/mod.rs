//! Who makes the memory: dma-buf heaps, udmabuf and whatever an application registers.
//!
//! Every consumer of dma-bufs has carried a list of heap names, and the names moved: `reserved`, `linux,cma` and
//! `default-pool` became `default_cma_region` in Linux 6.17. A [`Registry`] looks at what this machine has instead, knows
//! which names are one and the same memory, says why something is missing, and keeps account of all that is allocated.

mod accounted;
mod allocator;
mod capabilities;
mod discover;
mod error;
mod heap;
mod heap_name;
mod ledger;
mod linear;
mod memory;
mod open_error;
mod registry;
mod udmabuf;

pub use allocator::{Allocator, ByteAllocator};
pub use capabilities::{Capabilities, Contiguity};
pub use error::{AllocateError, Attempt};
pub use heap::Heap;
pub use ledger::{Account, Ledger};
pub use linear::Linear;
pub use open_error::OpenError;
pub use registry::{FindError, RegisterError, Registry, Unavailable};
pub use udmabuf::Udmabuf;
