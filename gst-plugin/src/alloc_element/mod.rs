/**
 * SECTION:element-dmaheapalloc
 *
 * Makes upstream write into memory of a dma-buf heap.
 *
 * The element passes every buffer through. What it does, it does before: it proposes a buffer pool of a dma-buf heap to
 * whatever is upstream, in front of what downstream proposes. A camera in the I/O mode `dmabuf-import` then captures
 * straight into heap memory, and a display or encoder downstream imports the same dma-buf.
 *
 * Which heap that is, the devices decide (`heap=auto`): the camera and every sink of this plugin downstream are asked
 * what they need, then they try frames of each heap until one suits all. An element message `dmaheap-negotiation` tells
 * the choice (fields `allocator`, `summary` and `story`), as the property `stats` does later.
 *
 * Buffers that bring a dma-buf of their own (such as those that `v4l2src` exports by default) pass untouched and are
 * counted as `foreign`, unless a sink refuses one. Those, and buffers in ordinary memory, are copied into the pool, and
 * the copy is counted with its reason; with `zero-copy=required` they are an error that names the element they come from.
 *
 * Place it before a `tee`: a `tee` hands no pool upstream.
 *
 * An element message `dmaheap-path` is posted whenever frames begin to take another path (`pool`, `foreign`, `copy`).
 *
 * ## Example pipeline
 *
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf-import num-buffers=100 ! video/x-raw,format=NV12,width=1280,height=720 ! dmaheapalloc ! fakesink
 * ]| Capture 100 frames into heap memory.
 *
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf-import ! "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12,width=1280,height=720" ! dmaheapalloc heap=system ! dmaheapkmssink
 * ]| Show a camera from memory of the heap `system`.
 *
 * Since: dmaheap-0.1
 */
use gst::glib;
use gst::prelude::*;

mod imp;
mod propose;
mod readers;
mod route;
mod settings;
mod too_large;

glib::wrapper! {
    pub(crate) struct HeapAlloc(ObjectSubclass<imp::HeapAlloc>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

/// Registers `dmaheapalloc`.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "dmaheapalloc",
        gst::Rank::NONE,
        HeapAlloc::static_type(),
    )
}
