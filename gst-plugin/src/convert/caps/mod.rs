//! Which caps become which: only what some backend really offers.

mod fixate;
mod loss;
mod shape;

use std::sync::Arc;

use dmabuf_heap::FormatSet;

use super::backend::{Backend, Bounds};
use super::job::Wishes;
use crate::caps::caps_for;

pub(super) use fixate::{Fixing, fixate};

/// What a conversion changes. The rest of the caps stays.
const CHANGED: [&str; 5] = [
    "format",
    "drm-format",
    "colorimetry",
    "chroma-site",
    "pixel-aspect-ratio",
];

/// The caps on the other side of the element.
pub(super) fn transform(
    caps: &gst::Caps,
    direction: gst::PadDirection,
    backends: &[Arc<dyn Backend>],
    wishes: Wishes,
) -> gst::Caps {
    let mut all = gst::Caps::new_empty();
    if wishes.are_none() {
        all.merge(caps.clone());
    }
    for backend in backends {
        for (structure, features) in caps.iter_with_features() {
            let one = single(structure, features);
            all.merge(by(&**backend, &one, direction, wishes));
        }
    }
    all
}

/// What one backend makes of one structure, or makes it of.
fn by(
    backend: &dyn Backend,
    one: &gst::Caps,
    direction: gst::PadDirection,
    wishes: Wishes,
) -> gst::Caps {
    let (here, there) = match direction {
        gst::PadDirection::Sink => (backend.reads(), backend.makes()),
        _ => (backend.makes(), backend.reads()),
    };
    let nothing = gst::Caps::new_empty();
    if !one.can_intersect(&within(here, backend.bounds())) {
        return nothing;
    }
    let Some(structure) = one.structure(0) else {
        return nothing;
    };
    let mut kept = structure.to_owned();
    kept.remove_fields(CHANGED);
    kept.remove_fields(["width", "height"]);
    if !backend.scales() {
        shape::carry_over(structure, &mut kept, direction, wishes);
    }
    let kept = single(&kept, &gst::CapsFeatures::new_any());
    within(there, backend.bounds()).intersect_with_mode(&kept, gst::CapsIntersectMode::First)
}

/// Formats in the sizes that a backend has.
fn within(formats: &FormatSet, bounds: Bounds) -> gst::Caps {
    let mut caps = caps_for(formats);
    let side = |min: u32, max: u32| {
        let number = |pixels: u32| i32::try_from(pixels).unwrap_or(i32::MAX);
        gst::IntRange::new(number(min), number(max))
    };
    for structure in caps.make_mut().iter_mut() {
        structure.set("width", side(bounds.min.0, bounds.max.0));
        structure.set("height", side(bounds.min.1, bounds.max.1));
    }
    caps
}

fn single(structure: &gst::StructureRef, features: &gst::CapsFeaturesRef) -> gst::Caps {
    let mut caps = gst::Caps::new_empty();
    caps.make_mut()
        .append_structure_full(structure.to_owned(), Some(features.to_owned()));
    caps
}

#[cfg(test)]
mod tests;
