//! The fence: everything that needs `unsafe` because GStreamer's bindings stop short of it.

#[expect(
    unsafe_code,
    reason = "the bindings leave allocator subclassing to raw pointers"
)]
mod allocator;
#[expect(
    unsafe_code,
    reason = "what may be read and written in place is said by GStreamer's rules, not by types"
)]
pub(crate) mod convert;
#[expect(
    unsafe_code,
    reason = "a property hands an application's file descriptor over as a number"
)]
pub(crate) mod fd;
#[expect(
    unsafe_code,
    reason = "boxed types with a name of one's own, and meta APIs, are made by hand"
)]
pub(crate) mod importers;
#[expect(
    unsafe_code,
    reason = "the bindings have no qdata on GstMemory and no fd lifetime on GstFdMemory"
)]
pub(crate) mod memory;
pub(crate) mod plugin;
#[expect(unsafe_code, reason = "the bindings lack GstVideoDirection")]
pub(crate) mod video_direction;
#[expect(
    unsafe_code,
    reason = "the bindings let programs call GstVideoOverlay, not implement it"
)]
pub(crate) mod video_overlay;
#[expect(unsafe_code, reason = "applications hand over pointers of libwayland")]
pub(crate) mod wayland;

pub(crate) use allocator::init_instance as init_allocator;
