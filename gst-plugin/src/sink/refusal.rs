//! Why caps were refused, in words.
//!
//! When a source and a sink share no caps, the source stops with `not-negotiated` and no reason, and only the sink knows
//! it. So the sink compares what was asked with what it takes, field by field, and says which one does not fit.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use gst::prelude::*;

/// How many formats a message lists before it says how many more there are.
const LISTED: usize = 64;

/// Caps that were refused and talked about, so that a query repeated a hundred times is one message.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    said: Vec<gst::Caps>,
}

impl Refusals {
    /// True the first time that these caps are seen.
    pub(crate) fn is_new(&mut self, asked: &gst::Caps) -> bool {
        let new = !self.said.iter().any(|said| said.is_strictly_equal(asked));
        if new {
            self.said.push(asked.clone());
        }
        new
    }

    /// Everything may be said again.
    pub(crate) fn clear(&mut self) {
        self.said.clear();
    }
}

/// Why caps `asked` have nothing in common with the caps `taken` by `device`: what was asked, what would do, a remedy.
pub(crate) fn explain(asked: &gst::CapsRef, taken: &gst::CapsRef, device: &str) -> String {
    let language = Language::of(asked);
    let mut text = format!("{device} cannot show {}: ", summary(asked, language));
    if let Some(memory) = foreign_memory(asked) {
        let _infallible = write!(
            text,
            "memory of the kind {memory} is not taken, only system memory and memory:DMABuf. \
             Put the element that downloads from it in front of the sink"
        );
        return text;
    }
    let (asked_formats, taken_formats) = (formats(asked, language), formats(taken, language));
    if !asked_formats.is_empty() && asked_formats.is_disjoint(&taken_formats) {
        let _infallible = write!(
            text,
            "it takes the formats {}. Ask the source for one of them or put videoconvert in front of the sink",
            listed(&taken_formats)
        );
    } else if let (Some(asked), Some(taken)) = (size(asked), size(taken))
        && asked != taken
    {
        let _infallible = write!(
            text,
            "it takes {taken} pixels. Ask the source for such a size or put videoscale in front of the sink"
        );
    } else {
        let _infallible = write!(text, "it takes {}", summary(taken, language));
    }
    text
}

/// How caps name pixel formats.
#[derive(Debug, Clone, Copy)]
enum Language {
    GStreamer,
    Drm,
}

impl Language {
    /// The one in which the caps ask; GStreamer's if they use both.
    fn of(caps: &gst::CapsRef) -> Self {
        if formats(caps, Self::GStreamer).is_empty() && !formats(caps, Self::Drm).is_empty() {
            Self::Drm
        } else {
            Self::GStreamer
        }
    }
}

/// Formats and size of caps, such as `NV12 or BGRx, 640x480`.
fn summary(caps: &gst::CapsRef, language: Language) -> String {
    let formats = formats(caps, language);
    let formats = if formats.is_empty() {
        caps.structure(0).map_or_else(
            || "nothing".to_owned(),
            |first| format!("{} of any format", first.name()),
        )
    } else {
        listed(&formats)
    };
    match size(caps) {
        Some(size) => format!("{formats}, {size}"),
        None => formats,
    }
}

fn listed(names: &BTreeSet<String>) -> String {
    let mut text = names
        .iter()
        .take(LISTED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > LISTED {
        let _infallible = write!(text, " and {} more", names.len() - LISTED);
    }
    text
}

/// The pixel formats that caps name in one of the two languages: GStreamer's, or DRM's with its modifiers.
fn formats(caps: &gst::CapsRef, language: Language) -> BTreeSet<String> {
    let field = match language {
        Language::GStreamer => "format",
        Language::Drm => "drm-format",
    };
    let names = caps.iter().flat_map(|structure| strings(structure, field));
    names.filter(|name| name != "DMA_DRM").collect()
}

/// The strings in a field that holds one or a list of them.
fn strings(structure: &gst::StructureRef, field: &str) -> Vec<String> {
    if let Ok(one) = structure.get::<String>(field) {
        return vec![one];
    }
    let Ok(list) = structure.get::<gst::List>(field) else {
        return Vec::new();
    };
    list.iter()
        .filter_map(|value| value.get::<String>().ok())
        .collect()
}

/// The size in the first structure of caps, `640x480` or `[16, 8192]x[16, 8192]`; `None` where any size would do.
fn size(caps: &gst::CapsRef) -> Option<String> {
    let structure = caps.structure(0)?;
    let side = |field| -> Option<String> {
        let value = structure.value(field).ok()?;
        if let Ok(one) = value.get::<i32>() {
            return Some(one.to_string());
        }
        if let Ok(range) = value.get::<gst::IntRange<i32>>() {
            if range.max() == i32::MAX {
                return None;
            }
            return Some(format!("[{}, {}]", range.min(), range.max()));
        }
        Some(value.serialize().ok()?.to_string())
    };
    Some(format!("{}x{}", side("width")?, side("height")?))
}

/// The memory feature that no structure of the caps can do without, unless we know it.
fn foreign_memory(caps: &gst::CapsRef) -> Option<String> {
    let mut foreign = None;
    for index in 0..caps.size() {
        let features = caps.features(index)?;
        if features.is_any() {
            return None;
        }
        foreign = Some(
            features
                .iter()
                .find(|feature| {
                    feature.starts_with("memory:")
                        && *feature != gst_allocators::CAPS_FEATURE_MEMORY_DMABUF.as_str()
                        && *feature != gst::CAPS_FEATURE_MEMORY_SYSTEM_MEMORY.as_str()
                })?
                .to_string(),
        );
    }
    foreign
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(text: &str) -> gst::Caps {
        gst::init().expect("GStreamer initialises");
        text.parse().expect("caps of the test are well-formed")
    }

    fn taken() -> gst::Caps {
        caps(
            "video/x-raw(memory:DMABuf), format=DMA_DRM, drm-format={ XR24, NV12 }, width=[16,8192], height=[16,8192]; \
              video/x-raw, format={ BGRx, NV12 }, width=[16,8192], height=[16,8192]",
        )
    }

    #[test]
    fn unknown_format_lists_those_that_would_do() {
        let text = explain(
            &caps("video/x-raw, format=NV21, width=640, height=480"),
            &taken(),
            "vkms",
        );
        assert!(text.starts_with("vkms cannot show NV21, 640x480"), "{text}");
        assert!(
            text.contains("formats BGRx, NV12.") && text.contains("videoconvert"),
            "{text}"
        );
    }

    #[test]
    fn formats_are_listed_in_the_language_of_the_question() {
        let asked = caps(
            "video/x-raw(memory:DMABuf), format=DMA_DRM, drm-format=NV12:0x0100000000000002, width=64, height=64",
        );
        let text = explain(&asked, &taken(), "vkms");
        assert!(text.contains("NV12:0x0100000000000002, 64x64"), "{text}");
        assert!(text.contains("formats NV12, XR24."), "{text}");
    }

    #[test]
    fn any_size_is_not_mentioned() {
        let asked = caps("video/x-raw, format=NV21, width=[1,2147483647], height=[1,2147483647]");
        let text = explain(&asked, &taken(), "vkms");
        assert!(text.starts_with("vkms cannot show NV21: "), "{text}");
    }

    #[test]
    fn wrong_size_names_the_limits() {
        let text = explain(
            &caps("video/x-raw, format=NV12, width=65536, height=65536"),
            &taken(),
            "vkms",
        );
        assert!(
            text.contains("65536x65536") && text.contains("[16, 8192]x[16, 8192]"),
            "{text}"
        );
    }

    #[test]
    fn foreign_memory_is_named() {
        let text = explain(
            &caps("video/x-raw(memory:GLMemory), format=RGBA"),
            &taken(),
            "vkms",
        );
        assert!(text.contains("memory:GLMemory"), "{text}");
    }

    #[test]
    fn same_question_is_answered_once() {
        let mut refusals = Refusals::default();
        assert!(refusals.is_new(&caps("video/x-raw, format=NV21")));
        assert!(!refusals.is_new(&caps("video/x-raw, format=NV21")));
        assert!(refusals.is_new(&caps("video/x-raw, format=NV16")));
        refusals.clear();
        assert!(refusals.is_new(&caps("video/x-raw, format=NV21")));
    }
}
