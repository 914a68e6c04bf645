/**
 * SECTION:element-dmaheapwaylandsink
 *
 * Shows video on a Wayland surface straight from dma-bufs.
 *
 * The compositor imports each dma-buf once (linux-dmabuf) and reads frames where they lie. Memory that it cannot read is
 * copied into memory that it can, and the copy is counted with its reason; with `zero-copy=required` it is an error that
 * names the element the frame comes from. A compositor that imports nothing, such as one that draws without a GPU, gets
 * every frame through `wl_shm`: one copy each, counted with the reason `no-import`.
 *
 * Asked for buffers directly, the element proposes a pool for plain and for `DMA_DRM` caps, which `v4l2src` fills in the
 * I/O mode `dmabuf-import` and most other elements write into. With `heap=auto` the camera and the compositor choose its
 * memory. An element message `dmaheap-negotiation` tells the choice (fields `allocator`, `summary` and `story`). If the pool
 * is another element's, it hears of the compositor all the same.
 *
 * The streaming thread never waits for the compositor: a frame is sent when the compositor has asked for one; until then
 * the newest waits, and older ones go back (`superseded` in `stats`). At most three are held.
 *
 * Compositors without color-representation-v1 decode all YUV by one matrix, Weston up to 14 and wlroots by BT.601. There
 * the element takes YUV only with a colorimetry that comes out right, and RGB. `color=assume` takes all; `stats` then says
 * what is assumed.
 *
 * `rotate-method`, or `video-direction` of `GstVideoDirection`, has the compositor turn or mirror the picture, while it
 * plays and without a copy; `auto` follows the tag image-orientation.
 *
 * The window is the element's own, or a part of an application's surface: the application sets a context
 * `GstWaylandDisplayHandleContextType` with its `wl_display*` and hands a `wl_surface*` over by `GstVideoOverlay`, as it
 * does for `waylandsink`. The first frame appears by itself; a render rectangle takes effect with the application's next
 * commit of its surface. When the user closes the window, the element posts the error "Output window was closed"
 * (`GST_RESOURCE_ERROR_NOT_FOUND`); when the compositor dies, an error `GST_RESOURCE_ERROR_WRITE` follows at once, also
 * while no frames come. `enable-last-sample` is off at first: the base class would copy that sample with every question
 * for memory, and count nothing.
 *
 * ## Example pipelines
 *
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf-import ! video/x-raw,format=NV12,width=1280,height=720 ! dmaheapwaylandsink
 * ]| Camera to window without a copy, in memory of a dma-buf heap.
 *
 * |[
 * gst-launch-1.0 v4l2src ! dmaheapwaylandsink zero-copy=required fullscreen=true
 * ]| The same in memory that the camera's driver exports, on the whole output.
 *
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf-import ! dmaheapalloc ! tee name=t ! queue ! dmaheapwaylandsink t. ! queue ! dmaheapkmssink
 * ]| The same dma-bufs on a window and on another display.
 *
 * Since: dmaheap-0.1
 */
use gst::glib;
use gst::prelude::*;

mod colors;
mod compositor;
mod events;
mod imp;
mod open;
mod presenter;
mod settings;
mod window;

glib::wrapper! {
    pub(crate) struct WaylandSink(ObjectSubclass<imp::WaylandSink>)
        @extends gst_video::VideoSink, gst_base::BaseSink, gst::Element, gst::Object,
        @implements gst_video::VideoOverlay;
}

/// Registers the element without rank: it never becomes anybody's automatic video sink.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "dmaheapwaylandsink",
        gst::Rank::NONE,
        WaylandSink::static_type(),
    )
}
