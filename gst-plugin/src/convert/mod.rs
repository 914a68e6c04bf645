/**
 * SECTION:element-dmaheapconvert
 *
 * Scales, converts, crops, turns and mirrors video from dma-buf to dma-buf.
 *
 * What does the work is chosen by what is to be done: a V4L2 mem2mem device (a scaler, colour converter or rotator) that
 * imports the dma-bufs on both sides, or the CPU. Each is asked beforehand whether it really does this; the cheapest that does
 * is taken, and the field `backend` of the property `stats` names it, `backend-reason` why the others were not taken.
 * `backend=` forces one, `device=` a certain node. A device that fails while frames flow is replaced by the next one that does
 * the job: the message `dmaheap-path` tells why, and `fallbacks` counts it. Where nothing is to do, buffers pass untouched, and
 * the memory is negotiated as if the element were not there. Of pictures with a `GstVideoCropMeta`, as `videocrop` makes them,
 * the visible part is read where it lies.
 *
 * Upstream is offered a pool whose memory the backend reads; downstream gets frames in memory that the backend writes and all
 * devices of this plugin's sinks import. A foreign dma-buf that the backend refuses, and ordinary memory, is copied and
 * counted; with `zero-copy=required` that is an error.
 *
 * ## Example pipelines
 *
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf-import ! video/x-raw,format=RGB,width=640,height=480 ! dmaheapconvert ! video/x-raw,format=YUY2 ! dmaheapkmssink
 * ]| Show a camera in another format, converted by whatever does it best.
 *
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf-import ! dmaheapconvert backend=m2m device=/dev/video1 video-direction=180 ! dmaheapwaylandsink
 * ]| Turn it upside down by a mem2mem device, or fail and say why that cannot be.
 *
 * Since: dmaheap-0.1
 */
use gst::glib;
use gst::prelude::*;

mod allocation;
mod backend;
mod caps;
mod choice;
mod effort;
mod fall_back;
mod imp;
mod job;
mod refusal;
mod settings;
mod settle;
mod state;
mod task;
mod window;
mod work;

use crate::ffi::video_direction::VideoDirection;

glib::wrapper! {
    pub(crate) struct Convert(ObjectSubclass<imp::Convert>)
        @extends gst_base::BaseTransform, gst::Element, gst::Object,
        @implements VideoDirection;
}

/// Registers `dmaheapconvert`.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "dmaheapconvert",
        gst::Rank::NONE,
        Convert::static_type(),
    )
}
