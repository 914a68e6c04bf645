/**
 * SECTION:element-dmaheapkmssink
 *
 * Shows video on a KMS plane straight from dma-bufs.
 *
 * Frames in dma-bufs are imported once and scanned out where they lie. Memory that the device cannot read is copied into
 * memory that it can, and the copy is counted with its reason; with `zero-copy=required` it is an error that names the
 * element the frame comes from. A refused frame is not tried again, and upstream is asked once per caps for other memory.
 *
 * Asked for buffers directly, the element proposes a pool, which `v4l2src` fills in the I/O mode `dmabuf-import` and most
 * other elements write into. With `heap=auto` the camera and the display choose its memory: both try frames of each heap
 * until one suits, or the display's own dumb buffers. An element message `dmaheap-negotiation` tells the choice (fields
 * `allocator`, `summary` and `story`). If the pool is another element's, it hears of the display all the same.
 *
 * Frames are committed without blocking: one is on screen and at most one is on its way there. A frame goes back to its
 * owner as soon as the next one is on screen. When the caps change, or upstream asks to drain,
 * the frame on screen is replaced by a private copy (or the plane is switched off: property `drain`) before the answer,
 * and nothing of upstream's is in use any more.
 *
 * A plane that cannot scale shows the picture in its own size, centred, cut where it is larger than the display. The
 * display is left as it was found when the element goes to READY.
 *
 * An application moves the picture by `GstVideoOverlay` or the property `render-rectangle`, also while it is paused. There
 * are no windows on a plane: a window handle is ignored.
 *
 * Upstream reports a refused format only as `not-negotiated`. The element posts a warning before that, with what was
 * asked and what the device takes. An element message `dmaheap-path` is posted whenever frames begin to take another
 * path (`pool`, `foreign`, `copy`). The action signal `snapshot` returns what the display shows as a sample of caps
 * `BGRx`, read back through a writeback connector; without one it returns NULL and posts a warning. `enable-last-sample` is
 * off at first: the base class would copy that sample with every question for memory, and count nothing.
 *
 * ## Example pipelines
 *
 * |[
 * gst-launch-1.0 v4l2src io-mode=dmabuf-import ! video/x-raw,format=NV12,width=1280,height=720 ! dmaheapkmssink
 * ]| Camera to display without a copy, in memory of a dma-buf heap.
 *
 * |[
 * gst-launch-1.0 v4l2src ! video/x-raw,format=NV12,width=1280,height=720 ! dmaheapkmssink zero-copy=required
 * ]| The same in memory that the camera's driver allocates and exports.
 *
 * |[
 * gst-launch-1.0 videotestsrc ! video/x-raw,width=640,height=360 ! dmaheapkmssink driver-name=vkms
 * ]| Frames drawn by the CPU straight into what the display reads.
 *
 * Since: dmaheap-0.1
 */
use gst::glib;
use gst::prelude::*;

mod display;
mod imp;
mod presenter;
mod reader;
mod settings;
mod snapshot;

glib::wrapper! {
    pub(crate) struct KmsSink(ObjectSubclass<imp::KmsSink>)
        @extends gst_video::VideoSink, gst_base::BaseSink, gst::Element, gst::Object, @implements gst_video::VideoOverlay;
}

/// Registers the element without rank: it never becomes anybody's automatic video sink.
pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "dmaheapkmssink",
        gst::Rank::NONE,
        KmsSink::static_type(),
    )
}

#[cfg(test)]
mod tests {
    use gst::glib;
    use gst::prelude::*;
    use gst_video::prelude::*;

    use super::KmsSink;

    #[test]
    fn an_application_can_move_the_picture_before_there_is_one() {
        gst::init().expect("GStreamer initialises");
        let sink: KmsSink = glib::Object::new();
        let overlay = sink.upcast_ref::<gst::Element>();
        let overlay = overlay
            .dynamic_cast_ref::<gst_video::VideoOverlay>()
            .expect("the interface");
        overlay
            .set_render_rectangle(8, 16, 320, 240)
            .expect("a rectangle");
        overlay.expose();
        let rectangle = gst::Array::new([0, 0, 64, 64]);
        sink.set_property("render-rectangle", rectangle);
    }
}
