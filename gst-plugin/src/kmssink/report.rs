//! What the element tells: the `stats` property and the `snapshot` signal.

use std::time::Duration;

use dmabuf_heap::Frame;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::KmsSink;
use crate::sink::timing::Percentiles;

/// Bytes of a pixel in a snapshot.
const BGRX_BYTES: usize = 4;

impl KmsSink {
    /// The `stats` property: the base class's fields, the way of the frames, the display.
    pub(super) fn stats(&self) -> gst::Structure {
        let mut fields = self.path.to_structure("dmaheapkmssink-stats");
        let base = self.obj().upcast_ref::<gst_base::BaseSink>().stats();
        for (field, value) in base.iter() {
            fields.set_value(field, value.clone());
        }
        self.add_display(&mut fields);
        self.add_timing(&mut fields);
        fields
    }

    fn add_display(&self, fields: &mut gst::Structure) {
        let (display, output) = {
            let state = self.state();
            (state.display.clone(), state.output.clone())
        };
        if let Some(display) = display {
            let imports = display.device.import_stats();
            fields.set("driver", display.device.driver());
            fields.set("device", display.device.path().display().to_string());
            fields.set("imports", imports.imports);
            fields.set("import-cache-hits", imports.cache_hits);
        }
        if let Some(output) = output {
            fields.set("connector", output.connector_name());
            fields.set("connector-id", output.connector_id());
            fields.set("mode", output.mode().to_string());
            fields.set("crtc-id", output.crtc_id());
            if let Some(plane) = output.plane_id() {
                fields.set("plane-id", plane);
            }
        }
    }

    fn add_timing(&self, fields: &mut gst::Structure) {
        let (shown, wait, age, fps) = {
            let timing = self.timing();
            (
                timing.shown(),
                timing.wait(),
                timing.age(),
                timing.frames_per_second(),
            )
        };
        fields.set("shown", shown);
        fields.set("fps", fps);
        set_percentiles(fields, "latency", age);
        set_percentiles(fields, "display-latency", wait);
    }

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
        let (output, heap) = {
            let state = self.state();
            (state.output.clone(), state.heap.clone())
        };
        let (output, heap) = output
            .zip(heap)
            .ok_or("the sink is not running, so it shows nothing")?;
        let allocator = heap
            .candidate()
            .ok_or("this machine has no dma-buf heap to write it into")?;
        let frame = output
            .snapshot(allocator.as_ref())
            .map_err(|error| error.to_string())?;
        sample_of(&frame)
    }
}

fn set_percentiles(fields: &mut gst::Structure, name: &str, percentiles: Percentiles) {
    let nanoseconds = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    fields.set(format!("{name}-p50"), nanoseconds(percentiles.p50));
    fields.set(format!("{name}-p95"), nanoseconds(percentiles.p95));
    fields.set(format!("{name}-p99"), nanoseconds(percentiles.p99));
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
