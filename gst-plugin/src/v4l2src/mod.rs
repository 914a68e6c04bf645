/**
 * SECTION:element-dmaheapv4l2src
 *
 * Captures from a V4L2 camera straight into dma-bufs that every device on the path can read.
 *
 * Before the first frame, all those downstream that say what memory they need are asked, and the camera is: frames of a
 * heap that suits all of them become the camera's buffers, each buffer number one frame for good. What a display shows is
 * the very memory that the camera wrote. An element message `dmaheap-negotiation` tells the choice, as `stats` does later.
 *
 * Where the driver imports no memory (`io=auto`), its own memory is exported, and where that does not go either, frames are
 * copied and the copies counted. An element message `dmaheap-path` says which way it is (`pool`, `export`, `copy`) and why.
 * With `zero-copy=required` copies are an error instead.
 *
 * The driver is only asked for what downstream wants. It is asked for all that it has when somebody asks this element for
 * its caps without having seen any.
 *
 * Buffers carry the time at which the driver took them, their number as the driver counts (`offset`), and the real strides
 * in a `GstVideoMeta`. Numbers that are missing are counted as `lost` in `stats`. When a digital input gets another
 * signal, the element follows it with new caps.
 *
 * ## Example pipelines
 *
 * |[
 * gst-launch-1.0 dmaheapv4l2src ! video/x-raw,width=1280,height=720 ! dmaheapkmssink
 * ]| Show the first camera.
 *
 * |[
 * gst-launch-1.0 dmaheapv4l2src device=/dev/video2 extra-controls="c,horizontal_flip=1" zero-copy=required ! dmaheapwaylandsink
 * ]| Show another one, mirrored, in a window, and rather fail than copy.
 *
 * |[
 * gst-launch-1.0 dmaheapv4l2src ! image/jpeg,width=1920,height=1080 ! jpegdec ! videoconvert ! autovideosink
 * ]| Show the compressed pictures of a webcam.
 *
 * Since: dmaheap-0.1
 */
use gst::glib;
use gst::prelude::*;

mod account;
mod build;
mod camera;
mod choice;
mod copy;
mod deliver;
mod driver;
mod format;
mod imp;
mod interval;
mod io;
mod line;
mod negotiate;
mod pool;
mod provider;
mod round;
mod session;
mod settings;
mod signal;
mod stamp;
mod stream;
mod strides;
mod time;
mod topology;
mod wake;
mod wish;

glib::wrapper! {
    pub(crate) struct V4l2Src(ObjectSubclass<imp::V4l2Src>)
        @extends gst_base::PushSrc, gst_base::BaseSrc, gst::Element, gst::Object;
}

/// Registers `dmaheapv4l2src`, and what finds cameras for it.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "dmaheapv4l2src",
        gst::Rank::NONE,
        V4l2Src::static_type(),
    )?;
    provider::register(plugin)
}
