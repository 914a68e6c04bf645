//! From what would do to what it shall be: the pixels that lose least, and a size that keeps the picture in shape.

use std::sync::Arc;

use gst_video::VideoFormatInfo;

use super::loss::loss;
use crate::caps::{VideoCaps, video_format};
use crate::convert::backend::Backend;
use crate::convert::job::Wishes;

/// What the choice depends on.
pub(in super::super) struct Fixing<'a> {
    pub direction: gst::PadDirection,
    pub backends: &'a [Arc<dyn Backend>],
    pub wishes: Wishes,
}

/// One set of caps among `others`, for the fixed `caps` on the other side.
pub(in super::super) fn fixate(
    caps: &gst::Caps,
    others: gst::Caps,
    fixing: &Fixing<'_>,
) -> gst::Caps {
    if fixing.wishes.are_none() {
        let same = caps.intersect_with_mode(&others, gst::CapsIntersectMode::First);
        if !same.is_empty() {
            return fixed(same);
        }
    }
    let Ok(video) = VideoCaps::parse(caps) else {
        return fixed(others);
    };
    let Some(mut chosen) = choose(&video, caps, &others, fixing) else {
        return fixed(others);
    };
    if let Some(structure) = chosen.make_mut().structure_mut(0) {
        fixate_size(structure, &video, fixing);
    }
    let kept = ["framerate", "interlace-mode", "multiview-mode"];
    let chosen = fixed(keep(chosen, caps, &kept));
    let is_same_model =
        VideoCaps::parse(&chosen).is_ok_and(|other| other.info().is_yuv() == video.info().is_yuv());
    if is_same_model {
        return keep_absent(chosen, caps, &["colorimetry", "chroma-site"]);
    }
    chosen
}

/// The structure of `others` and the format in it that lose least, among those that a backend makes.
fn choose(
    video: &VideoCaps,
    caps: &gst::Caps,
    others: &gst::Caps,
    fixing: &Fixing<'_>,
) -> Option<gst::Caps> {
    let from = VideoFormatInfo::from_format(video_format(video.format().fourcc)?);
    let language = caps.structure(0)?.has_field("drm-format");
    let mut best: Option<(u32, gst::Caps)> = None;
    for (structure, features) in others.iter_with_features() {
        let field = if structure.has_field("drm-format") {
            "drm-format"
        } else {
            "format"
        };
        for name in strings(structure, field) {
            let mut one = structure.to_owned();
            one.set(field, &name);
            let one = super::single(&one, features);
            let Some(format) = format_of(&name, field) else {
                continue;
            };
            if !fixing.is_offered(video.format().fourcc, format) {
                continue;
            }
            let other_language = u32::from((field == "drm-format") != language);
            let Some(pixels) = video_format(format) else {
                continue;
            };
            let loss = 2 * loss(from, VideoFormatInfo::from_format(pixels)) + other_language;
            if best.as_ref().is_none_or(|(least, _)| loss < *least) {
                best = Some((loss, one));
            }
        }
    }
    best.map(|(_loss, caps)| caps)
}

impl Fixing<'_> {
    /// Whether some backend converts between these, in the direction of the question.
    fn is_offered(&self, here: dmabuf_heap::Fourcc, there: dmabuf_heap::Fourcc) -> bool {
        let (here, there) = (
            dmabuf_heap::Format::linear(here),
            dmabuf_heap::Format::linear(there),
        );
        let (from, to) = match self.direction {
            gst::PadDirection::Sink => (here, there),
            _ => (there, here),
        };
        self.backends
            .iter()
            .any(|it| it.reads().contains(from) && it.makes().contains(to))
    }

    /// The size on the other side if nothing is scaled.
    fn natural_size(&self, width: u32, height: u32) -> (u32, u32) {
        if self.direction == gst::PadDirection::Sink {
            return self.wishes.size_of(width, height).unwrap_or((1, 1));
        }
        let (width, height) = if self.wishes.orientation.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        };
        let margins = self.wishes.margins;
        (
            width.saturating_add(margins.left + margins.right),
            height.saturating_add(margins.top + margins.bottom),
        )
    }
}

/// The natural size where that would do, else the nearest one in which the picture keeps its shape.
fn fixate_size(structure: &mut gst::StructureRef, video: &VideoCaps, fixing: &Fixing<'_>) {
    let info = video.info();
    let (width, height) = fixing.natural_size(info.width(), info.height());
    let mut par = info.par();
    if fixing.wishes.orientation.swaps_sides() {
        par = gst::Fraction::new(par.denom(), par.numer());
    }
    let side = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
    let is_open = |structure: &gst::StructureRef, name: &str| {
        structure
            .value(name)
            .is_ok_and(|it| it.get::<i32>().is_err())
    };
    let (free_width, free_height) = (is_open(structure, "width"), is_open(structure, "height"));
    if structure.has_field("pixel-aspect-ratio") {
        structure.fixate_field_nearest_fraction("pixel-aspect-ratio", par);
    } else if free_width || free_height {
        structure.set("pixel-aspect-ratio", par);
    }
    let to_par: gst::Fraction = structure.get("pixel-aspect-ratio").unwrap_or(par);
    // Width to height as the eye sees it, divided by the shape of a pixel that goes out.
    let ratio = f64::from(width) / f64::from(height) * quotient(par) / quotient(to_par);
    let rounded = |value: f64| {
        let value = value.round().clamp(1.0, f64::from(i32::MAX));
        #[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
        let value = value as i32;
        value
    };
    match (free_width, free_height) {
        (true, true) => {
            structure.fixate_field_nearest_int("height", side(height));
            let height = structure.get::<i32>("height").unwrap_or(side(height));
            structure.fixate_field_nearest_int("width", rounded(f64::from(height) * ratio));
        }
        (true, false) => {
            let height = structure.get::<i32>("height").unwrap_or(side(height));
            structure.fixate_field_nearest_int("width", rounded(f64::from(height) * ratio));
        }
        (false, true) => {
            let width = structure.get::<i32>("width").unwrap_or(side(width));
            structure.fixate_field_nearest_int("height", rounded(f64::from(width) / ratio));
        }
        (false, false) => set_shape(structure, ratio * quotient(to_par)),
    }
}

/// A size that was given keeps the picture in shape by the shape of its pixels, where nobody said what that is.
fn set_shape(structure: &mut gst::StructureRef, display_ratio: f64) {
    let (Ok(width), Ok(height)) = (
        structure.get::<i32>("width"),
        structure.get::<i32>("height"),
    ) else {
        return;
    };
    if structure.has_field("pixel-aspect-ratio") {
        return;
    }
    let par = display_ratio * f64::from(height) / f64::from(width);
    if let Some(par) = gst::Fraction::approximate_f64(par)
        && par.numer() > 0
    {
        structure.set("pixel-aspect-ratio", par);
    }
}

fn quotient(fraction: gst::Fraction) -> f64 {
    f64::from(fraction.numer()) / f64::from(fraction.denom().max(1))
}

/// Fields that take the value of `caps` where they may.
fn keep(mut chosen: gst::Caps, caps: &gst::Caps, names: &[&str]) -> gst::Caps {
    let values = caps.structure(0).into_iter().flat_map(|from| {
        let value = |name: &&str| Some((name.to_string(), from.value(*name).ok()?.clone()));
        names.iter().filter_map(value)
    });
    for (name, value) in values {
        let mut wish = gst::Structure::new_empty("video/x-raw");
        wish.set_value(name, value);
        let wish = super::single(&wish, &gst::CapsFeatures::new_any());
        let both = chosen.intersect_with_mode(&wish, gst::CapsIntersectMode::First);
        if !both.is_empty() {
            chosen = both;
        }
    }
    chosen
}

/// Fields that take the value of `caps` where nobody said anything.
fn keep_absent(chosen: gst::Caps, caps: &gst::Caps, names: &[&str]) -> gst::Caps {
    let is_absent = |name: &str| chosen.structure(0).is_some_and(|it| !it.has_field(name));
    let absent: Vec<_> = names
        .iter()
        .copied()
        .filter(|name| is_absent(name))
        .collect();
    keep(chosen, caps, &absent)
}

fn fixed(mut caps: gst::Caps) -> gst::Caps {
    caps.truncate();
    caps.fixate();
    caps
}

fn format_of(name: &str, field: &str) -> Option<dmabuf_heap::Fourcc> {
    if field == "drm-format" {
        let (fourcc, modifier) = gst_video::dma_drm_fourcc_from_str(name).ok()?;
        return (modifier == dmabuf_heap::Modifier::LINEAR.0)
            .then_some(dmabuf_heap::Fourcc(fourcc));
    }
    let format = gst_video::VideoFormat::from_string(name);
    let fourcc = gst_video::dma_drm_fourcc_from_format(format).ok()?;
    Some(dmabuf_heap::Fourcc(fourcc))
}

/// The strings in a field that holds one or a list of them.
fn strings(structure: &gst::StructureRef, field: &str) -> Vec<String> {
    if let Ok(one) = structure.get::<String>(field) {
        return vec![one];
    }
    let list = structure.get::<gst::List>(field);
    let strings = list.iter().flat_map(|list| list.iter());
    strings.filter_map(|value| value.get().ok()).collect()
}
