//! What a pool asks of the layout of its frames, before the devices have their say.
//!
//! The caps tell width, height and format, never strides, and GStreamer has rules of its own. Elements that do not read
//! `GstVideoMeta` know one layout only. Those that do are content with wider rows. `v4l2src` is the third kind: V4L2
//! derives the strides of further planes from the first (I420 halves it), GStreamer rounds each up to 4 bytes, and
//! `v4l2src` believes in the second while the driver does the first. At I420 362x242 that is 182 against 184 bytes, and a
//! skewed picture without an error. So its frames get a first stride at which both rules agree; it tells that to the
//! driver.

use dmabuf_heap::{Constraints, FrameLayout, LayoutError, LayoutRequest, PixelFormat, Topology};
use gst_video::{VideoAlignment, VideoFormatInfo, VideoInfo};

use super::users::Writer;
use crate::caps::VideoCaps;

/// Row alignments that drivers are known to use, in bytes.
const STRIDE_ALIGNS: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/// GStreamer rounds all strides up to this many bytes.
const GSTREAMER_ALIGN: u32 = 4;

/// `sizeimage` of many drivers is rounded up to whole pages.
const PAGE_LEN: u64 = 4096;

/// What the user of a pool said in its configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// Bytes of a buffer; 0 if nothing was said.
    pub size: u64,
    /// Padding around the picture.
    pub alignment: Option<VideoAlignment>,
    /// Whether it reads `GstVideoMeta`.
    pub reads_meta: bool,
}

/// The conditions on the frames of a pool.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// For the negotiation, the preferred ones first. At least one.
    pub constraints: Vec<Constraints>,
    /// Where the planes are within the padding that was asked for.
    pub padded: Option<FrameLayout>,
    /// Bytes of a buffer, at least.
    pub len: u64,
}

impl Shape {
    /// The conditions on frames of `caps` in the hands of `writer`.
    ///
    /// # Errors
    ///
    /// The format or the size cannot be laid out.
    pub(super) fn of(
        caps: &VideoCaps,
        asked: &Asked,
        writer: &Writer,
    ) -> Result<Self, LayoutError> {
        let info = caps.info();
        let usual = gstreamer_layout(caps, info)?;
        if let Some(mut alignment) = asked.alignment {
            let mut aligned = info.clone();
            if aligned.align(&mut alignment).is_ok() {
                let layout = gstreamer_layout(caps, &aligned)?;
                return Ok(Self::padded(layout, &aligned, &alignment));
            }
        }
        let (constraints, len) = match writer {
            Writer::V4l2(_) => (vec![for_v4l2src(caps, asked, writer, usual)], 0),
            Writer::Element => (for_element(&usual, asked.reads_meta), info.size() as u64),
            Writer::Device(_) => (for_device(&usual, asked.reads_meta), 0),
        };
        Ok(Self {
            constraints,
            padded: None,
            len,
        })
    }

    /// The first of the constraints that `meet` finds an answer to, and that answer; or the last failure.
    pub(super) fn first_met<T, E>(
        &self,
        meet: impl Fn(&Constraints) -> Result<T, E>,
    ) -> Result<(Constraints, T), E> {
        let (last, preferred) = match self.constraints.split_last() {
            Some((last, preferred)) => (last.clone(), preferred),
            None => (Constraints::none(), &[][..]),
        };
        for constraints in preferred {
            if let Ok(answer) = meet(constraints) {
                return Ok((constraints.clone(), answer));
            }
        }
        meet(&last).map(|answer| (last, answer))
    }

    /// Exactly the layout that the padding of `alignment` makes.
    fn padded(layout: FrameLayout, aligned: &VideoInfo, alignment: &VideoAlignment) -> Self {
        let rows = alignment
            .padding_top()
            .saturating_add(alignment.padding_bottom())
            .saturating_add(layout.height());
        let padding = Constraints::of("the padding that was asked for").rows_min(rows);
        Self {
            constraints: vec![exactly(padding, &layout)],
            len: layout.size().max(aligned.size() as u64),
            padded: Some(layout),
        }
    }
}

/// GStreamer's layout, or a wider one for an element that reads where the planes are.
fn for_element(usual: &FrameLayout, reads_meta: bool) -> Vec<Constraints> {
    let party = "an element that knows GStreamer's usual layout only";
    let mut all = vec![with_rows(exactly(Constraints::of(party), usual), usual)];
    if reads_meta {
        let wider = at_least(Constraints::of("GStreamer's usual layout"), usual);
        all.push(with_rows(wider, usual));
    }
    all
}

/// As the device likes it. Where those downstream know GStreamer's layout only, that one if the device has it too.
fn for_device(usual: &FrameLayout, reads_meta: bool) -> Vec<Constraints> {
    let any = Constraints::none();
    if reads_meta {
        return vec![any];
    }
    let party = "an element downstream that knows GStreamer's usual layout only";
    vec![
        with_rows(exactly(Constraints::of(party), usual), usual),
        any,
    ]
}

/// Every stride and offset as `v4l2src` believes it to be or wider, where V4L2's rule and GStreamer's are one. Where the
/// driver spreads planes over several dma-bufs, it tells the stride of each, and there is no rule.
fn for_v4l2src(
    caps: &VideoCaps,
    asked: &Asked,
    writer: &Writer,
    usual: FrameLayout,
) -> Constraints {
    let constraints = Constraints::of("v4l2src");
    let needs = writer.needs(&caps.picture()).unwrap_or_default();
    if needs.topology == Topology::PER_PLANE {
        return constraints;
    }
    let believed = match needs.strides[0].unwrap_or(needs.stride_min[0]) {
        0 => guessed_by_size(caps, asked.size),
        stride => as_wide_as(caps, stride.into()),
    };
    at_least(constraints, &believed.unwrap_or(usual))
        .stride_align(GSTREAMER_ALIGN)
        .derived_strides()
        .packed_planes()
}

fn at_least(constraints: Constraints, layout: &FrameLayout) -> Constraints {
    let strides = layout.planes().iter().enumerate();
    strides.fold(constraints, |all, (plane, it)| {
        all.stride_min(plane, it.stride)
    })
}

fn exactly(constraints: Constraints, layout: &FrameLayout) -> Constraints {
    let strides = layout.planes().iter().enumerate();
    let exact = strides.fold(constraints, |all, (plane, it)| all.stride(plane, it.stride));
    exact.packed_planes()
}

/// As many rows for the first plane as the layout has: GStreamer rounds them up where the second has half of them.
fn with_rows(constraints: Constraints, layout: &FrameLayout) -> Constraints {
    let rows = match layout.planes() {
        [first, second, ..] => u32::try_from(second.offset / u64::from(first.stride.max(1))),
        _one => return constraints,
    };
    rows.map_or(constraints.clone(), |rows| constraints.rows_min(rows))
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

/// GStreamer's layout of a picture whose first plane has rows of this many bytes: `v4l2src` takes the layout of a driver
/// with this stride for that.
fn as_wide_as(caps: &VideoCaps, stride: u64) -> Option<FrameLayout> {
    let info = caps.info();
    let bytes_per_pixel = *VideoFormatInfo::from_format(info.format())
        .pixel_stride()
        .first()?;
    let bytes_per_pixel = u64::try_from(bytes_per_pixel)
        .ok()
        .filter(|&bytes| bytes > 0)?;
    let width = u32::try_from(stride / bytes_per_pixel).ok()?;
    let padded = VideoInfo::builder(info.format(), width, info.height())
        .build()
        .ok()?;
    gstreamer_layout(caps, &padded).ok()
}

/// The layout that `v4l2src` believes in, for a driver that cannot be asked: judged by the size of a buffer.
fn guessed_by_size(caps: &VideoCaps, size: u64) -> Option<FrameLayout> {
    let row_bytes = PixelFormat::find(caps.format().fourcc)?
        .planes()
        .first()?
        .row_bytes(caps.info().width());
    let layouts = || {
        let strides = STRIDE_ALIGNS.map(|align| row_bytes.checked_next_multiple_of(align));
        strides
            .into_iter()
            .filter_map(|stride| as_wide_as(caps, stride?))
    };
    let in_pages =
        |layout: &FrameLayout| layout.size().checked_next_multiple_of(PAGE_LEN) == Some(size);
    layouts()
        .find(|layout| layout.size() == size)
        .or_else(|| layouts().find(in_pages))
}

#[cfg(test)]
mod tests;
