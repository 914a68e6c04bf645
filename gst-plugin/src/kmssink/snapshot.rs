//! The `snapshot` signal.

use dmabuf_heap::Frame;
use gst::subclass::prelude::*;

use super::imp::KmsSink;

/// Bytes of a pixel in a snapshot.
const BGRX_BYTES: usize = 4;

impl KmsSink {
    /// What is on screen now, read back by the device; `None` with a warning on the bus where it cannot.
    pub(super) fn snapshot(&self) -> Option<gst::Sample> {
        match self.read_screen() {
            Ok(sample) => Some(sample),
            Err(text) => {
                gst::element_imp_warning!(self, gst::ResourceError::Read, ("No snapshot: {text}"));
                None
            }
        }
    }

    fn read_screen(&self) -> Result<gst::Sample, String> {
        let parts = self.core.presenter().zip(self.core.heap());
        let (presenter, heap) = parts.ok_or("the sink is not running, so it shows nothing")?;
        let allocator = heap
            .candidate()
            .ok_or("this machine has no dma-buf heap to write it into")?;
        let frame = presenter
            .output()
            .snapshot(allocator.as_ref())
            .map_err(|error| error.to_string())?;
        sample_of(&frame)
    }
}

/// A linear XRGB8888 frame as a sample in system memory, rows without padding.
fn sample_of(frame: &Frame) -> Result<gst::Sample, String> {
    let layout = frame.layout();
    let info = gst_video::VideoInfo::builder(
        gst_video::VideoFormat::Bgrx,
        layout.width(),
        layout.height(),
    )
    .build()
    .map_err(|error| error.to_string())?;
    let mapping = frame.map().map_err(|error| error.to_string())?;
    let pixels = mapping.read().map_err(|error| error.to_string())?;
    let row_bytes = layout.width() as usize * BGRX_BYTES;
    let mut rows = vec![0; row_bytes * layout.height() as usize];
    for (row, bytes) in (0..).zip(rows.chunks_exact_mut(row_bytes)) {
        pixels
            .read_row(0, row, bytes)
            .map_err(|error| error.to_string())?;
    }
    let caps = info.to_caps().map_err(|error| error.to_string())?;
    Ok(gst::Sample::builder()
        .buffer(&gst::Buffer::from_mut_slice(rows))
        .caps(&caps)
        .build())
}
