//! How a pool's frames lie in memory.
//!
//! The caps tell width, height and format, never strides. A driver that imports has strides of its own, and the only
//! trace of them in a buffer-pool configuration is `size`, V4L2's `sizeimage`. A pool that answers with other strides
//! makes `v4l2src` reprogram the driver or fail; with other chroma strides than V4L2's implicit rule it even gets a
//! skewed picture without an error. So the layout is guessed from the size, GStreamer's own being the first guess.

use dmabuf_heap::{FrameLayout, LayoutError, LayoutRequest, PixelFormat};
use gst_video::{VideoAlignment, VideoInfo};

use crate::caps::VideoCaps;

/// Row alignments that drivers are known to use, in bytes.
const STRIDE_ALIGNS: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// `sizeimage` of many drivers is rounded up to whole pages.
const PAGE_LEN: u64 = 4096;

/// The layout for frames of `caps`, when the user of the pool said that a buffer has `size` bytes (0: did not say).
///
/// # Errors
///
/// The format or the size cannot be laid out.
pub(super) fn layout_for(
    caps: &VideoCaps,
    size: u64,
    alignment: Option<&VideoAlignment>,
) -> Result<FrameLayout, LayoutError> {
    let info = caps.info();
    if let Some(alignment) = alignment {
        let mut aligned = info.clone();
        let mut wanted = *alignment;
        if aligned.align(&mut wanted).is_ok() {
            return gstreamer_layout(caps, &aligned);
        }
    }
    let usual = gstreamer_layout(caps, info)?;
    if size == 0 || size == info.size() as u64 {
        return Ok(usual);
    }
    Ok(layout_of_len(caps, size).unwrap_or(usual))
}

/// The request for a frame that lies exactly so, in a buffer of at least `len` bytes.
pub(super) fn request_for(layout: &FrameLayout, len: u64) -> LayoutRequest {
    let strides: Vec<u32> = layout.planes().iter().map(|plane| plane.stride).collect();
    let offsets: Vec<u64> = layout.planes().iter().map(|plane| plane.offset).collect();
    LayoutRequest::new(layout.fourcc(), layout.width(), layout.height())
        .plane_strides(&strides)
        .plane_offsets(&offsets)
        .min_len(len)
}

/// The layout that every element expects of buffers without a `GstVideoMeta`.
fn gstreamer_layout(caps: &VideoCaps, info: &VideoInfo) -> Result<FrameLayout, LayoutError> {
    let format = caps.format();
    if !caps.is_linear() {
        return Err(LayoutError::NotLinear(format));
    }
    let strides: Vec<u32> = info
        .stride()
        .iter()
        .map(|stride| stride.unsigned_abs())
        .collect();
    let offsets: Vec<u64> = info.offset().iter().map(|&offset| offset as u64).collect();
    LayoutRequest::new(format.fourcc, caps.info().width(), caps.info().height())
        .plane_strides(&strides)
        .plane_offsets(&offsets)
        .layout()
}

/// The layout that V4L2's rule for planes in one buffer gives exactly this size, for the smallest row alignment.
fn layout_of_len(caps: &VideoCaps, len: u64) -> Option<FrameLayout> {
    let (fourcc, info) = (caps.format().fourcc, caps.info());
    let row_bytes = PixelFormat::find(fourcc)?
        .planes()
        .first()?
        .row_bytes(info.width());
    let layout = |align: u64| {
        let stride = u32::try_from(row_bytes.checked_next_multiple_of(align)?).ok()?;
        LayoutRequest::new(fourcc, info.width(), info.height())
            .plane_strides(&[stride])
            .layout()
            .ok()
    };
    let layouts = || STRIDE_ALIGNS.into_iter().filter_map(layout);
    let rounded =
        |layout: &FrameLayout| layout.size().checked_next_multiple_of(PAGE_LEN) == Some(len);
    layouts()
        .find(|layout| layout.size() == len)
        .or_else(|| layouts().find(rounded))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(format: &str, width: u32, height: u32) -> VideoCaps {
        gst::init().expect("GStreamer");
        let text =
            format!("video/x-raw,format={format},width={width},height={height},framerate=30/1");
        VideoCaps::parse(&text.parse::<gst::Caps>().expect("caps syntax")).expect("caps")
    }

    fn planes(layout: &FrameLayout) -> Vec<(u64, u32)> {
        layout
            .planes()
            .iter()
            .map(|plane| (plane.offset, plane.stride))
            .collect()
    }

    #[test]
    fn without_a_size_it_is_gstreamers_layout() {
        let caps = caps("I420", 362, 242);
        let layout = layout_for(&caps, 0, None).expect("layout");
        assert_eq!(
            planes(&layout),
            [(0, 364), (364 * 242, 184), (364 * 242 + 184 * 121, 184)]
        );
        assert_eq!(layout.size(), caps.info().size() as u64);
        assert_eq!(
            planes(&layout_for(&caps, layout.size(), None).expect("layout")),
            planes(&layout)
        );
    }

    #[test]
    fn a_drivers_size_tells_its_strides() {
        let caps = caps("I420", 362, 242);
        let v4l2 = layout_for(&caps, 364 * 242 * 3 / 2, None).expect("layout");
        assert_eq!(
            planes(&v4l2),
            [(0, 364), (364 * 242, 182), (364 * 242 + 182 * 121, 182)]
        );

        let caps = self::caps("NV12", 1366, 768);
        let wide = layout_for(&caps, 1408 * 768 * 3 / 2, None).expect("layout");
        assert_eq!(planes(&wide), [(0, 1408), (1408 * 768, 1408)]);
    }

    #[test]
    fn a_size_in_whole_pages_tells_them_too() {
        let caps = caps("NV12", 362, 242);
        let exact = 384_u64 * 242 * 3 / 2;
        let layout = layout_for(&caps, exact.next_multiple_of(PAGE_LEN), None).expect("layout");
        assert_eq!(layout.planes()[0].stride, 384);
    }

    #[test]
    fn an_unexplained_size_keeps_gstreamers_layout() {
        let caps = caps("NV12", 640, 480);
        let layout = layout_for(&caps, 700_000, None).expect("layout");
        assert_eq!(planes(&layout), [(0, 640), (640 * 480, 640)]);
        assert_eq!(request_for(&layout, 700_000).len(), Ok(700_000));
    }

    #[test]
    fn an_alignment_that_is_asked_for_is_kept() {
        let caps = caps("NV12", 362, 242);
        let alignment = VideoAlignment::new(0, 14, 0, 0, &[63, 63, 0, 0]);
        let layout = layout_for(&caps, 0, Some(&alignment)).expect("layout");
        assert_eq!(planes(&layout), [(0, 384), (384 * 256, 384)]);
    }

    #[test]
    fn packed_rgb_has_one_plane() {
        let layout = layout_for(&caps("BGRx", 362, 242), 0, None).expect("layout");
        assert_eq!(planes(&layout), [(0, 362 * 4)]);
        let layout = layout_for(&caps("RGB16", 362, 242), 362 * 2 * 242, None).expect("layout");
        assert_eq!(planes(&layout), [(0, 724)]);
    }
}
