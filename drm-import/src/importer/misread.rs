//! Frames that a driver takes and shows wrong.

use dmabuf_heap::Frame;

use crate::device::Device;
use crate::output::Output;

impl Output {
    /// Why the display would show another picture than this frame's, although the driver takes it; `None` for a frame that it
    /// shows right. [`show`](Output::show) does as it is told: who shows frames that nobody has negotiated for asks first.
    pub fn misreads(&self, frame: &Frame) -> Option<String> {
        misreads(self.device(), frame)
    }
}

/// Why planes of this device would read something else than this frame.
pub(super) fn misreads(device: &Device, frame: &Frame) -> Option<String> {
    let is_split = frame.dmabufs().nth(1).is_some();
    (is_split && reads_first_buffer_only(device)).then(|| {
        format!(
            "{} in several dma-bufs, of which this driver reads the first only",
            frame.layout().format()
        )
    })
}

/// vkms takes framebuffers of several buffers, then reads every plane from the first of them (`packed_pixels_addr` in
/// `drivers/gpu/drm/vkms/vkms_formats.c`): the picture is wrong, and nothing says so.
pub(super) fn reads_first_buffer_only(device: &Device) -> bool {
    device.driver() == "vkms"
}
