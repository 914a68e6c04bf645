//! Formats of V4L2 as caps.

use std::time::Duration;

use dmabuf_heap::{Fourcc, Modifier};
use gst_allocators::CAPS_FEATURE_MEMORY_DMABUF;
use gst_video::{VideoFormat, VideoFormatInfo, VideoInfo, VideoInterlaceMode};
use v4l2_import::{Interval, QueueFormat, V4l2Fourcc};

use crate::caps::video_format;
use crate::color;

/// How caps speak of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `video/x-raw(memory:DMABuf), format=DMA_DRM`
    DmaDrm,
    /// `video/x-raw`
    Plain,
    /// `video/x-raw(memory:DMABuf)` with a name of GStreamer's, from before 1.24.
    Legacy,
    /// Bytes that are no rows of pixels: compressed pictures and raw Bayer.
    Bytes,
}

/// A format that has no rows of pixels, or none that DRM has a name for.
struct Encoded {
    code: [u8; 4],
    caps: &'static str,
}

const fn encoded(code: [u8; 4], caps: &'static str) -> Encoded {
    Encoded { code, caps }
}

/// V4L2's codes and GStreamer's media types.
const ENCODED: [Encoded; 13] = [
    encoded(*b"MJPG", "image/jpeg"),
    encoded(*b"JPEG", "image/jpeg"),
    encoded(
        *b"H264",
        "video/x-h264, stream-format=byte-stream, alignment=au",
    ),
    encoded(
        *b"HEVC",
        "video/x-h265, stream-format=byte-stream, alignment=au",
    ),
    encoded(*b"VP80", "video/x-vp8"),
    encoded(*b"VP90", "video/x-vp9"),
    encoded(
        *b"MPG2",
        "video/mpeg, mpegversion=2, systemstream=false, parsed=true",
    ),
    encoded(
        *b"MPG4",
        "video/mpeg, mpegversion=4, systemstream=false, parsed=true",
    ),
    encoded(*b"FWHT", "video/x-fwht"),
    encoded(*b"BA81", "video/x-bayer, format=bggr"),
    encoded(*b"GBRG", "video/x-bayer, format=gbrg"),
    encoded(*b"GRBG", "video/x-bayer, format=grbg"),
    encoded(*b"RGGB", "video/x-bayer, format=rggb"),
];

/// What a queue delivers, beside its format.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// The time between two pictures, where the driver knows it.
    pub interval: Option<Interval>,
    /// Width of a pixel to its height.
    pub pixel_aspect: (i32, i32),
}

impl Rate {
    /// Frames per second; 0/1 is what caps say where nobody knows.
    pub(super) fn fps(self) -> gst::Fraction {
        let fraction = self.interval.and_then(|interval| {
            let numerator = i32::try_from(interval.denominator).ok()?;
            let denominator = i32::try_from(interval.numerator).ok()?;
            (denominator > 0).then(|| gst::Fraction::new(numerator, denominator))
        });
        fraction.unwrap_or_else(|| gst::Fraction::new(0, 1))
    }

    /// Time to the next picture.
    pub(super) fn duration(self) -> Option<Duration> {
        let interval = self.interval?;
        let nanos = u64::from(interval.numerator) * 1_000_000_000;
        let nanos = nanos.checked_div(interval.denominator.into())?;
        Some(Duration::from_nanos(nanos))
    }

    fn aspect(self) -> gst::Fraction {
        gst::Fraction::new(self.pixel_aspect.0, self.pixel_aspect.1)
    }
}

/// The media type of a format without rows of pixels.
pub(super) fn encoded_caps(code: V4l2Fourcc) -> Option<gst::Caps> {
    let entry = ENCODED
        .iter()
        .find(|entry| V4l2Fourcc::from_bytes(&entry.code) == code)?;
    entry.caps.parse().ok()
}

/// The formats without rows of pixels that `structure` has room for.
pub(super) fn encoded_codes(structure: &gst::StructureRef) -> Vec<V4l2Fourcc> {
    let fits = |entry: &&Encoded| {
        let caps: Option<gst::Caps> = entry.caps.parse().ok();
        let media = caps.as_ref().and_then(|caps| caps.structure(0));
        media.is_some_and(|media| media.can_intersect(structure))
    };
    let fitting = ENCODED.iter().filter(fits);
    fitting
        .map(|entry| V4l2Fourcc::from_bytes(&entry.code))
        .collect()
}

/// All media types without rows of pixels.
pub(super) fn encoded_template() -> gst::Caps {
    let mut template = gst::Caps::new_empty();
    for entry in &ENCODED {
        if let Ok(caps) = entry.caps.parse::<gst::Caps>() {
            template.merge(caps);
        }
    }
    template
}

/// The caps of pictures of this format, in the words of `form`; `None` where it has none for them.
pub(super) fn caps_of(format: &QueueFormat, form: Form, rate: Rate) -> Option<gst::Caps> {
    let (width, height) = (format.width, format.height);
    if form == Form::Bytes {
        let mut caps = encoded_caps(format.code)?;
        let structure = caps.get_mut()?.structure_mut(0)?;
        structure.set("width", i32::try_from(width).ok()?);
        structure.set("height", i32::try_from(height).ok()?);
        structure.set("framerate", rate.fps());
        if rate.pixel_aspect != (1, 1) {
            structure.set("pixel-aspect-ratio", rate.aspect());
        }
        return Some(caps);
    }
    let fourcc = format.code.drm()?;
    let name = video_format(fourcc);
    let in_memory = match (name, form) {
        (Some(name), _) => name,
        (None, Form::DmaDrm) => VideoFormat::DmaDrm,
        (None, _) => return None,
    };
    let is_rgb = VideoFormatInfo::from_format(in_memory).is_rgb();
    let info = VideoInfo::builder(in_memory, width, height)
        .fps(rate.fps())
        .par(rate.aspect())
        .interlace_mode(interlace_mode(format.field)?)
        .colorimetry_if_some(color::colorimetry(format.colorimetry, is_rgb).as_ref());
    let mut caps = info.build().ok()?.to_caps().ok()?;
    dress(caps.get_mut()?, fourcc, form);
    Some(caps)
}

/// Puts plain caps in the words of another form.
fn dress(caps: &mut gst::CapsRef, fourcc: Fourcc, form: Form) {
    if form == Form::Plain {
        return;
    }
    caps.set_features(
        0,
        Some(gst::CapsFeatures::new([CAPS_FEATURE_MEMORY_DMABUF])),
    );
    if form == Form::DmaDrm
        && let Some(structure) = caps.structure_mut(0)
    {
        structure.set("format", "DMA_DRM");
        structure.set("drm-format", drm_name(fourcc).as_str());
    }
}

/// As caps spell a linear DRM format.
pub(super) fn drm_name(fourcc: Fourcc) -> String {
    gst_video::dma_drm_fourcc_to_string(fourcc.0, Modifier::LINEAR.0).to_string()
}

/// `enum v4l2_field`; `None` for pictures whose fields lie one after the other, which GStreamer has no name for.
const fn interlace_mode(field: u32) -> Option<VideoInterlaceMode> {
    match field {
        0 | 1 => Some(VideoInterlaceMode::Progressive),
        4 | 8 | 9 => Some(VideoInterlaceMode::Interleaved),
        _ => None,
    }
}
