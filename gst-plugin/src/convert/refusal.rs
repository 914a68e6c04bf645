//! Why no caps come of a question: upstream will only say `not-negotiated`.

use dmabuf_heap::FormatSet;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::backend::Backend;
use super::choice::Backends;
use super::imp::Convert;

impl Convert {
    /// Looks whether upstream has anything that can be made into what downstream takes. A source that asks without a filter,
    /// as `v4l2src` does, cannot be answered with a reason later. It is asked for what is in question only: to list all that a
    /// camera can do takes hundreds of questions to its driver.
    pub(super) fn look_upstream(&self) {
        let pad = self.obj().sink_pad().clone();
        let taken = pad.query_caps(None);
        if pad.peer_query_caps(Some(&taken)).is_empty() {
            let offered = pad.peer_query_caps(None);
            if !offered.is_empty() {
                self.warn_refused(&offered);
            }
        }
    }

    /// Tells why a question has no answer, as long as nothing flows: whoever asked gives up without a reason.
    pub(super) fn warn_refused(&self, asked: &gst::Caps) {
        if asked.is_empty() || self.obj().sink_pad().has_current_caps() {
            return;
        }
        let is_known = self.state().refused.replace(asked.clone()).as_ref() == Some(asked);
        if is_known {
            return;
        }
        let taken = self.obj().src_pad().peer_query_caps(None);
        let text = explain(asked, &taken, &self.backends());
        gst::element_imp_warning!(self, gst::CoreError::Negotiation, ("{text}"));
    }
}

/// What was asked, what those downstream take, and what the backends do.
fn explain(asked: &gst::CapsRef, taken: &gst::CapsRef, backends: &Backends) -> String {
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
