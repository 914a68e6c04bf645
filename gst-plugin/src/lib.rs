//! The GStreamer plugin `dmaheap`: frames from camera to display in dma-bufs of one heap, without a CPU copy.
//!
//! | element | does |
//! |---|---|
//! | `dmaheapalloc` | proposes a heap-backed pool to whatever is upstream, and passes everything through |
//! | `dmaheapv4l2src` | captures from a V4L2 camera into dma-bufs that suit all devices on the path |
//! | `dmaheapconvert` | scales, converts, crops, turns and mirrors, by a mem2mem device or the CPU |
//! | `dmaheapkmssink` | shows video on a KMS plane straight from dma-bufs |
//! | `dmaheapwaylandsink` | shows video on a Wayland surface straight from dma-bufs |
//!
//! All elements register with rank NONE: installing the plugin changes nobody's `autovideosink`. The heaps are also
//! `GstAllocator`s that `gst_allocator_find` knows by name, `dmaheap` and `dmaheap-<heap>`.

use std::sync::LazyLock;

use gst::glib;

mod alloc_element;
mod allocator;
mod caps;
mod color;
mod controls;
mod convert;
mod copier;
mod cpu;
mod dead_end;
mod direction;
mod ffi;
mod frame;
mod heap;
mod importers;
mod in_place;
mod judged;
mod kmssink;
mod memory;
mod origin;
mod outlet;
mod panic;
mod pool;
mod query;
mod registry;
mod report;
mod sink;
mod stats;
mod sync;
#[cfg(test)]
mod testing;
mod upstream;
mod v4l2;
mod v4l2src;
mod waylandsink;
mod zero_copy;

/// What belongs to no single element: pools, allocators, memory.
static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "dmaheap",
        gst::DebugColorFlags::empty(),
        Some("dma-buf heaps"),
    )
});

/// Registers the elements and allocators in a program that links the plugin statically. Call it after `gst::init`.
///
/// # Errors
///
/// GStreamer refuses the registration, for instance because it is not initialised.
pub fn plugin_register_static() -> Result<(), glib::BoolError> {
    ffi::plugin::plugin_desc::plugin_register_static()
}

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    allocator::register();
    alloc_element::register(plugin)?;
    convert::register(plugin)?;
    kmssink::register(plugin)?;
    v4l2src::register(plugin)?;
    waylandsink::register(plugin)
}
