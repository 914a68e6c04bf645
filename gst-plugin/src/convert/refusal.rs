//! Why no caps come of a question: upstream will only say `not-negotiated`.

use dmabuf_heap::FormatSet;

use super::backend::Backend;
use super::choice::Backends;

/// What was asked, what those downstream take, and what the backends do.
pub(super) fn explain(asked: &gst::CapsRef, taken: &gst::CapsRef, backends: &Backends) -> String {
    let each = backends.all.iter().map(|it| describe(&**it));
    let all: Vec<_> = each.chain(backends.missing().iter().cloned()).collect();
    format!(
        "nothing here makes of {} what is taken downstream ({}): {}",
        brief(asked),
        brief(taken),
        all.join("; ")
    )
}

fn describe(backend: &dyn Backend) -> String {
    let bounds = backend.bounds();
    let scales = if backend.scales() {
        ""
    } else {
        ", and does not scale"
    };
    format!(
        "{} reads {} and makes {}, of {}x{} to {}x{} pixels{scales}",
        backend.name(),
        names(backend.reads()),
        names(backend.makes()),
        bounds.min.0,
        bounds.min.1,
        bounds.max.0,
        bounds.max.1
    )
}

fn names(formats: &FormatSet) -> String {
    let names: Vec<_> = formats.fourccs().map(|it| it.to_string()).collect();
    names.join(", ")
}

/// Caps without what is the same everywhere.
fn brief(caps: &gst::CapsRef) -> String {
    let structures = caps.iter_with_features().map(|(structure, features)| {
        let mut brief = structure.to_owned();
        brief.remove_fields(["framerate", "interlace-mode", "views", "multiview-mode"]);
        let mut one = gst::Caps::new_empty();
        one.make_mut()
            .append_structure_full(brief, Some(features.to_owned()));
        one.to_string()
    });
    structures.collect::<Vec<_>>().join("; ")
}
