//! Which YUV frames a compositor shows in the right colours.
//!
//! A compositor without `color-representation-v1` decodes all YUV frames by one matrix and in one range. Frames in others
//! look wrong, a little or a lot, and nobody says so. So the sink offers YUV only with a colorimetry that comes out right;
//! what cannot be had so is converted to RGB by whoever is upstream.

use dmabuf_heap::{ColorModel, Format, FormatSet, PixelFormat, YuvColor, YuvEncoding, YuvRange};
use gst_video::{
    VideoColorMatrix, VideoColorPrimaries, VideoColorRange, VideoColorimetry, VideoTransferFunction,
};
use wayland_import::YuvSupport;

use crate::caps::caps_for;

/// What a display that is not told better makes of the numbers: standard dynamic range. Sources that have the choice take
/// the first, so it is the usual one.
const TRANSFERS: [VideoTransferFunction; 8] = [
    VideoTransferFunction::Bt601,
    VideoTransferFunction::Bt709,
    VideoTransferFunction::Srgb,
    VideoTransferFunction::Smpte240m,
    VideoTransferFunction::Gamma22,
    VideoTransferFunction::Bt202010,
    VideoTransferFunction::Bt202012,
    VideoTransferFunction::Unknown,
];

/// And the gamut of usual displays.
const PRIMARIES: [VideoColorPrimaries; 6] = [
    VideoColorPrimaries::Smpte170m,
    VideoColorPrimaries::Bt709,
    VideoColorPrimaries::Bt470bg,
    VideoColorPrimaries::Bt470m,
    VideoColorPrimaries::Smpte240m,
    VideoColorPrimaries::Unknown,
];

/// The colours that video usually has. A compositor that shows all of these right needs no list.
const USUAL: [YuvColor; 4] = [
    YuvColor::new(YuvEncoding::Bt601, YuvRange::Limited),
    YuvColor::new(YuvEncoding::Bt601, YuvRange::Full),
    YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited),
    YuvColor::new(YuvEncoding::Bt709, YuvRange::Full),
];

/// The caps of `formats` on a compositor that understands the colours `yuv`; `None`: any are welcome.
///
/// YUV comes first in each family of caps: it is smaller.
pub(super) fn caps_in_color(formats: &FormatSet, yuv: Option<&YuvSupport>) -> gst::Caps {
    let is_yuv = |format: &Format| {
        PixelFormat::find(format.fourcc).is_some_and(|it| it.color == ColorModel::Yuv)
    };
    let (with_matrix, direct): (Vec<Format>, Vec<Format>) = formats.iter().partition(is_yuv);
    let mut with_matrix = caps_for(&with_matrix.into_iter().collect());
    if let Some(names) = yuv.and_then(colorimetries) {
        for structure in with_matrix.make_mut().iter_mut() {
            structure.set("colorimetry", gst::List::new(&names));
        }
    }
    interleave(&with_matrix, &caps_for(&direct.into_iter().collect()))
}

/// The families of both caps in the order of [`caps_for`], those of `first` before those of `second`.
fn interleave(first: &gst::CapsRef, second: &gst::CapsRef) -> gst::Caps {
    let mut caps = gst::Caps::new_empty();
    let all = caps.make_mut();
    let parts = || {
        first
            .iter_with_features()
            .chain(second.iter_with_features())
    };
    let mut families: Vec<(bool, bool)> = Vec::new();
    let family = |structure: &gst::StructureRef, features: &gst::CapsFeaturesRef| {
        let is_dmabuf = features.contains(gst_allocators::CAPS_FEATURE_MEMORY_DMABUF);
        (structure.has_field("drm-format"), is_dmabuf)
    };
    for (structure, features) in parts() {
        let family = family(structure, features);
        if !families.contains(&family) {
            families.push(family);
        }
    }
    // DMA_DRM, then plain, then the legacy form.
    families.sort_by_key(|&(is_drm, is_dmabuf)| (!is_drm, is_dmabuf));
    for wanted in families {
        for (structure, features) in parts() {
            if family(structure, features) == wanted {
                all.append_structure_full(structure.to_owned(), Some(features.to_owned()));
            }
        }
    }
    caps
}

/// The colorimetries that come out right, by GStreamer's names; `None` if all usual ones do.
fn colorimetries(yuv: &YuvSupport) -> Option<Vec<String>> {
    if USUAL.iter().all(|&color| yuv.knows(color)) {
        return None;
    }
    let known = match yuv {
        YuvSupport::Told(colors) => colors.clone(),
        YuvSupport::Assumed(color) => vec![*color],
        _ => Vec::new(),
    };
    let mut names = Vec::new();
    for color in known {
        for transfer in TRANSFERS {
            for primaries in PRIMARIES {
                let (range, matrix) = (range_of(color.range), matrix_of(color.encoding));
                let colorimetry = VideoColorimetry::new(range, matrix, transfer, primaries);
                names.push(colorimetry.to_string());
            }
        }
    }
    Some(names)
}

fn range_of(range: YuvRange) -> VideoColorRange {
    match range {
        YuvRange::Limited => VideoColorRange::Range16_235,
        YuvRange::Full => VideoColorRange::Range0_255,
    }
}

fn matrix_of(encoding: YuvEncoding) -> VideoColorMatrix {
    match encoding {
        YuvEncoding::Bt601 => VideoColorMatrix::Bt601,
        YuvEncoding::Bt709 => VideoColorMatrix::Bt709,
        YuvEncoding::Bt2020 => VideoColorMatrix::Bt2020,
    }
}

#[cfg(test)]
mod tests {
    use dmabuf_heap::{Fourcc, Modifier};

    use super::*;

    fn formats() -> FormatSet {
        let linear = |fourcc| Format {
            fourcc,
            modifier: Modifier::LINEAR,
        };
        [Fourcc::XRGB8888, Fourcc::NV12]
            .map(linear)
            .into_iter()
            .collect()
    }

    fn takes(caps: &gst::Caps, text: &str) -> bool {
        let asked: gst::Caps = text.parse().expect("caps of the test are well-formed");
        caps.can_intersect(&asked)
    }

    #[test]
    fn a_compositor_that_assumes_takes_yuv_in_those_colours_only() {
        gst::init().expect("GStreamer initialises");
        let caps = caps_in_color(&formats(), Some(&YuvSupport::default()));
        for (text, taken) in [
            ("video/x-raw,format=NV12,colorimetry=bt601", true),
            ("video/x-raw,format=NV12,colorimetry=(string)2:4:7:1", true),
            ("video/x-raw,format=NV12,colorimetry=bt709", false),
            ("video/x-raw,format=NV12,colorimetry=(string)1:4:7:1", false),
            ("video/x-raw,format=BGRx,colorimetry=sRGB", true),
            (
                "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12,colorimetry=bt709",
                false,
            ),
            (
                "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24",
                true,
            ),
        ] {
            assert_eq!(takes(&caps, text), taken, "{text}");
        }
    }

    #[test]
    fn a_source_that_has_the_choice_makes_usual_colours() {
        gst::init().expect("GStreamer initialises");
        let names = colorimetries(&YuvSupport::default()).expect("a list");
        assert_eq!(names.first().map(String::as_str), Some("bt601"));
        let mut once = names.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), names.len());
    }

    #[test]
    fn a_compositor_that_is_told_takes_what_it_is_told() {
        gst::init().expect("GStreamer initialises");
        let all = YuvSupport::Told(USUAL.to_vec());
        let caps = caps_in_color(&formats(), Some(&all));
        assert!(takes(&caps, "video/x-raw,format=NV12,colorimetry=bt709"));
        assert!(!caps.to_string().contains("colorimetry"), "{caps}");
    }

    #[test]
    fn whoever_assumes_is_asked_nothing() {
        gst::init().expect("GStreamer initialises");
        let caps = caps_in_color(&formats(), None);
        assert!(takes(&caps, "video/x-raw,format=NV12,colorimetry=bt709"));
    }

    #[test]
    fn families_stay_together_with_yuv_first() {
        gst::init().expect("GStreamer initialises");
        let caps = caps_in_color(&formats(), None);
        let first_of = |structure: &gst::StructureRef, field: &str| {
            let list = structure.get::<gst::List>(field).ok()?;
            list.first()?.get::<String>().ok()
        };
        let names: Vec<Option<String>> = caps
            .iter()
            .map(|it| first_of(it, "drm-format").or_else(|| first_of(it, "format")))
            .collect();
        let expected = ["NV12", "XR24", "NV12", "BGRx", "NV12", "BGRx"];
        let expected = expected.map(|name| Some(name.to_owned()));
        assert_eq!(names, expected, "{caps}");
    }
}
