//! How a pool's frames lie in memory.
//!
//! The caps tell width, height and format, never strides. A driver that imports has strides of its own, and the only
//! trace of them in a buffer-pool configuration is `size`. A pool that answers with other strides makes `v4l2src`
//! reprogram the driver or fail. Worse, the two rules for the further planes differ: V4L2 derives their strides from the
//! first (I420 halves it), GStreamer rounds each up to 4 bytes, and `v4l2src` believes in the second while the driver
//! does the first. At I420 362x242 that is 182 against 184 bytes, and a skewed picture without an error. So the first
//! stride is widened until both rules agree; `v4l2src` tells it to the driver.

use dmabuf_heap::{FrameLayout, LayoutError, LayoutRequest, PixelFormat};
use gst_video::{VideoAlignment, VideoFormatInfo, VideoInfo};

use crate::caps::VideoCaps;

/// Row alignments that drivers are known to use, in bytes.
const STRIDE_ALIGNS: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// GStreamer rounds all strides up to this many bytes.
const GSTREAMER_ALIGN: u32 = 4;

/// `sizeimage` of many drivers is rounded up to whole pages.
const PAGE_LEN: u64 = 4096;

/// Who fills the frames.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    /// An element that reads the `GstVideoMeta`, or expects GStreamer's usual layout.
    #[default]
    Element,
    /// A V4L2 driver, through `v4l2src` and its kin.
    V4l2,
}

/// How the frames of a pool lie, and how long their buffers are at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    /// Strides and offsets.
    pub layout: FrameLayout,
    /// Bytes, with the padding below the picture.
    pub len: u64,
}

impl Shape {
    /// The shape for frames of `caps`, when the user of the pool said that a buffer has `size` bytes (0: did not say).
    ///
    /// # Errors
    ///
    /// The format or the size cannot be laid out.
    pub(super) fn of(
        caps: &VideoCaps,
        size: u64,
        alignment: Option<&VideoAlignment>,
        writer: Writer,
    ) -> Result<Self, LayoutError> {
        let info = caps.info();
        if let Some(alignment) = alignment {
            let mut aligned = info.clone();
            let mut wanted = *alignment;
            if aligned.align(&mut wanted).is_ok() {
                let layout = gstreamer_layout(caps, &aligned)?;
                return Ok(Self {
                    layout,
                    len: layout.size().max(aligned.size() as u64),
                });
            }
        }
        let usual = gstreamer_layout(caps, info)?;
        let layout = if writer == Writer::V4l2 {
            let believed = believed_by_v4l2src(caps, size).unwrap_or(usual);
            agreed(&believed).unwrap_or(believed)
        } else {
            usual
        };
        Ok(Self {
            layout,
            len: layout.size(),
        })
    }

    /// The request for a frame of exactly this layout, in a buffer of at least `len` bytes.
    pub(super) fn request(&self, len: u64) -> LayoutRequest {
        let planes = self.layout.planes();
        let strides: Vec<u32> = planes.iter().map(|plane| plane.stride).collect();
        let offsets: Vec<u64> = planes.iter().map(|plane| plane.offset).collect();
        LayoutRequest::new(
            self.layout.fourcc(),
            self.layout.width(),
            self.layout.height(),
        )
        .plane_strides(&strides)
        .plane_offsets(&offsets)
        .min_len(len)
    }
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

/// What `v4l2src` takes the driver's layout for, judged by the size it asks for: GStreamer's layout of a picture as wide
/// as the driver's first stride.
fn believed_by_v4l2src(caps: &VideoCaps, size: u64) -> Option<FrameLayout> {
    let info = caps.info();
    let row_bytes = PixelFormat::find(caps.format().fourcc)?
        .planes()
        .first()?
        .row_bytes(info.width());
    let bytes_per_pixel = *VideoFormatInfo::from_format(info.format())
        .pixel_stride()
        .first()?;
    let bytes_per_pixel = u64::try_from(bytes_per_pixel)
        .ok()
        .filter(|&bytes| bytes > 0)?;
    let layout = |align: u64| {
        let padded_width = row_bytes.checked_next_multiple_of(align)? / bytes_per_pixel;
        let width = u32::try_from(padded_width).ok()?;
        let padded = VideoInfo::builder(info.format(), width, info.height())
            .build()
            .ok()?;
        gstreamer_layout(caps, &padded).ok()
    };
    let layouts = || STRIDE_ALIGNS.into_iter().filter_map(layout);
    let in_pages =
        |layout: &FrameLayout| layout.size().checked_next_multiple_of(PAGE_LEN) == Some(size);
    layouts()
        .find(|layout| layout.size() == size)
        .or_else(|| layouts().find(in_pages))
}

/// The narrowest layout by V4L2's rule in which every plane has at least the stride and offset that are believed, and
/// that GStreamer's rule leaves as it is.
fn agreed(believed: &FrameLayout) -> Option<FrameLayout> {
    const MAX_STEPS: usize = 64;
    let first = believed
        .planes()
        .first()?
        .stride
        .checked_next_multiple_of(GSTREAMER_ALIGN)?;
    let by_v4l2_rule = |stride: u32| {
        LayoutRequest::new(believed.fourcc(), believed.width(), believed.height())
            .plane_strides(&[stride])
            .layout()
            .ok()
    };
    let holds = |layout: &FrameLayout| {
        layout
            .planes()
            .iter()
            .zip(believed.planes())
            .all(|(plane, least)| {
                plane.stride >= least.stride
                    && plane.offset >= least.offset
                    && plane.stride.is_multiple_of(GSTREAMER_ALIGN)
            })
    };
    (first..)
        .step_by(GSTREAMER_ALIGN as usize)
        .take(MAX_STEPS)
        .filter_map(by_v4l2_rule)
        .find(holds)
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

    fn planes(shape: &Shape) -> Vec<(u64, u32)> {
        shape
            .layout
            .planes()
            .iter()
            .map(|plane| (plane.offset, plane.stride))
            .collect()
    }

    #[test]
    fn elements_get_gstreamers_layout() {
        let caps = caps("I420", 362, 242);
        let shape = Shape::of(&caps, 0, None, Writer::Element).expect("shape");
        assert_eq!(
            planes(&shape),
            [(0, 364), (364 * 242, 184), (364 * 242 + 184 * 121, 184)]
        );
        assert_eq!(shape.len, caps.info().size() as u64);
    }

    #[test]
    fn both_rules_for_chroma_agree_in_what_a_driver_gets() {
        let caps = caps("I420", 362, 242);
        let size = caps.info().size() as u64;
        let shape = Shape::of(&caps, size, None, Writer::V4l2).expect("shape");
        assert_eq!(
            planes(&shape),
            [(0, 368), (368 * 242, 184), (368 * 242 + 184 * 121, 184)]
        );
    }

    #[test]
    fn where_the_rules_agree_nothing_is_widened() {
        for (format, width) in [
            ("NV12", 362),
            ("I420", 1366),
            ("BGRx", 362),
            ("RGB16", 362),
            ("BGR", 362),
        ] {
            let caps = caps(format, width, 242);
            let size = caps.info().size() as u64;
            let usual = Shape::of(&caps, size, None, Writer::Element).expect(format);
            assert_eq!(
                Shape::of(&caps, size, None, Writer::V4l2),
                Ok(usual),
                "{format}"
            );
        }
    }

    #[test]
    fn at_every_width_both_rules_give_what_a_driver_gets() {
        for format in [
            "I420", "YV12", "Y42B", "NV12", "NV16", "YUY2", "BGRx", "BGR", "RGB16",
        ] {
            for width in (16..=640).step_by(2) {
                let caps = caps(format, width, 48);
                let shape = Shape::of(&caps, 0, None, Writer::V4l2).expect(format);
                let first = shape.layout.planes()[0].stride;
                let request =
                    LayoutRequest::new(caps.format().fourcc, width, 48).plane_strides(&[first]);
                assert_eq!(
                    request.layout(),
                    Ok(shape.layout),
                    "V4L2's rule for {format} {width}"
                );

                let usual = Shape::of(&caps, 0, None, Writer::Element).expect(format);
                for (plane, usual) in shape.layout.planes().iter().zip(usual.layout.planes()) {
                    assert!(
                        plane.stride.is_multiple_of(GSTREAMER_ALIGN),
                        "{format} {width}"
                    );
                    assert!(
                        plane.stride >= usual.stride && plane.offset >= usual.offset,
                        "{format} {width}"
                    );
                }
                assert!(
                    first - usual.layout.planes()[0].stride <= 8,
                    "{format} {width} is not widened for nothing"
                );
            }
        }
    }

    #[test]
    fn a_drivers_size_tells_its_strides() {
        let caps = caps("NV12", 1366, 768);
        let wide = Shape::of(&caps, 1408 * 768 * 3 / 2, None, Writer::V4l2).expect("shape");
        assert_eq!(planes(&wide), [(0, 1408), (1408 * 768, 1408)]);

        let in_pages = (384_u64 * 242 * 3 / 2).next_multiple_of(PAGE_LEN);
        let shape = Shape::of(&self::caps("NV12", 362, 242), in_pages, None, Writer::V4l2);
        assert_eq!(shape.expect("shape").layout.planes()[0].stride, 384);
    }

    #[test]
    fn an_unexplained_size_keeps_gstreamers_layout() {
        let caps = caps("NV12", 640, 480);
        let shape = Shape::of(&caps, 700_000, None, Writer::V4l2).expect("shape");
        assert_eq!(planes(&shape), [(0, 640), (640 * 480, 640)]);
        assert_eq!(shape.request(700_000).min_dmabuf_len(), 700_000);
    }

    #[test]
    fn an_alignment_that_is_asked_for_is_kept() {
        let caps = caps("NV12", 362, 242);
        let alignment = VideoAlignment::new(0, 14, 0, 0, &[63, 63, 0, 0]);
        let shape = Shape::of(&caps, 0, Some(&alignment), Writer::Element).expect("shape");
        assert_eq!(planes(&shape), [(0, 384), (384 * 256, 384)]);
        assert_eq!(shape.len, 384 * 256 * 3 / 2);
    }
}
