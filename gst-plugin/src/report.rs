//! What elements say on the bus: errors as the user reads them, and changes that an application wants to know of.

use std::error::Error;
use std::fmt::Display;

use dmabuf_heap::{NegotiateError, Step};
use gst::prelude::*;

use crate::frame::memory_of;
use crate::heap::{Choice, HeapSource};
use crate::pool::PoolEvent;
use crate::stats::{CopyReason, Path, PathChange, PathStats};
use crate::upstream::Upstream;

/// An error and all its causes in one line, outermost first.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.ends_with(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}

/// Posts the element message `dmaheap-path`: frames take another way from now on, and `reason` says why if there is one.
pub(crate) fn path_changed(element: &gst::Element, change: PathChange, heap: &str, reason: &str) {
    let structure = gst::Structure::builder("dmaheap-path")
        .field("path", change.to.name())
        .field("previous", change.from.map_or("none", Path::name))
        .field("heap", heap)
        .field("reason", reason)
        .build();
    gst::info!(crate::CAT, obj = element, "{structure}");
    post(element, structure);
}

/// Posts the error of `zero-copy=required`: what arrives at `pad` would have to be copied, because of `why`.
pub(crate) fn copy_forbidden(
    element: &gst::Element,
    pad: &gst::Pad,
    buffer: &gst::BufferRef,
    reason: CopyReason,
    why: &dyn Display,
) {
    let upstream = Upstream::find(pad);
    let remedy = remedy(reason, upstream.as_ref());
    let who = upstream.map_or_else(|| "upstream".to_owned(), |it| it.label());
    gst::element_error!(
        element,
        gst::StreamError::WrongType,
        (
            "{who} brings frames (in {}) that would have to be copied, and zero-copy=required forbids it: {why}. \
             {remedy}, or allow a copy of {} bytes per frame by zero-copy=preferred",
            memory_of(buffer),
            buffer.size()
        )
    );
}

/// What can be done about copies of what that element brings.
fn remedy(reason: CopyReason, upstream: Option<&Upstream>) -> String {
    let settings = upstream.and_then(Upstream::remedies);
    match (reason, settings) {
        (CopyReason::NotDmaBuf, Some([import, export])) => format!(
            "Let it fill dma-bufs that suit all devices ({import}) or bring dma-bufs of its own ({export})"
        ),
        (CopyReason::NotDmaBuf, None) => {
            "Let it write into the proposed pool (as v4l2src does with io-mode=dmabuf-import) or bring dma-bufs of its own \
             (as v4l2src does with io-mode=dmabuf)"
                .to_owned()
        }
        (CopyReason::Refused, settings) => {
            let setting = settings.map_or_else(String::new, |[import, _export]| format!(" ({import})"));
            format!(
                "Restart the pipeline: where all are asked before the first frame, they may agree on other memory{setting}"
            )
        }
        (CopyReason::NoImport, _) => {
            "Use a display that imports dma-bufs (a compositor: one that draws with a GPU and offers linux-dmabuf)".to_owned()
        }
        (CopyReason::DriverMemory | CopyReason::Layout | CopyReason::Held, _) => {
            "Let whoever makes the frames lay them out in another way, or fewer of them be held downstream".to_owned()
        }
    }
}

/// Posts the error of `zero-copy=required` where every frame would have to be copied, whatever memory it is in.
pub(crate) fn every_copy_forbidden(element: &gst::Element, why: &str) {
    gst::element_error!(
        element,
        gst::StreamError::WrongType,
        ("{why}. Every frame would have to be copied, and zero-copy=required forbids it. Use a display that imports \
             dma-bufs (a compositor: one that draws with a GPU and offers linux-dmabuf), or allow copies by \
             zero-copy=preferred")
    );
}

/// Posts the element message `dmaheap-negotiation`: the devices on the path have chosen memory, and why it is this.
fn negotiated(element: &gst::Element, choice: &Choice) {
    let structure = gst::Structure::builder("dmaheap-negotiation")
        .field("allocator", choice.allocator.name())
        .field("summary", &choice.summary)
        .field("story", &choice.story)
        .build();
    gst::info!(crate::CAT, obj = element, "{}", choice.summary);
    post(element, structure);
}

fn post(element: &gst::Element, structure: gst::Structure) {
    let message = gst::message::Element::builder(structure)
        .src(element)
        .build();
    if let Err(error) = element.post_message(message) {
        gst::debug!(crate::CAT, obj = element, "nobody listens: {error}");
    }
}

/// Posts what a pool of `source` met: in the hands of whoever is upstream of `pad`, or without one in the element's own. An
/// importer that gets a buffer back unused will fail with an error that names nothing.
pub(crate) fn pool_event<'a>(
    element: &gst::Element,
    event: &PoolEvent<'_>,
    pad: impl Into<Option<&'a gst::Pad>>,
    source: &HeapSource,
    stats: &PathStats,
) {
    let upstream = pad.into().and_then(Upstream::find);
    match (event, upstream.filter(|it| it.imports)) {
        (PoolEvent::Chosen(choice), _) => {
            if stats.note_choice(choice) {
                negotiated(element, choice);
            }
        }
        (PoolEvent::NothingSuits(error), _) => {
            let text = format!("{}{}", chain(*error), source.advice());
            if ran_out(error) {
                gst::element_error!(element, gst::ResourceError::NoSpaceLeft, ("{text}"));
            } else {
                gst::element_error!(element, gst::ResourceError::Settings, ("{text}"));
            }
        }
        (PoolEvent::AllocationFailed(error), _) => {
            let text = format!("no memory for another frame: {}", chain(*error));
            if error.is_shortage() {
                gst::element_error!(element, gst::ResourceError::NoSpaceLeft, ("{text}"));
            } else {
                gst::element_error!(element, gst::ResourceError::Settings, ("{text}"));
            }
        }
        (PoolEvent::Bounded(buffers), upstream) => {
            let who = upstream.map_or_else(|| "the camera".to_owned(), |it| it.label());
            gst::element_warning!(
                element,
                gst::ResourceError::Busy,
                (
                    "all {buffers} buffers in memory of {} are in use, and {who} waits for one: it took this memory perhaps by \
                     luck, so that each buffer has to be tried, which it does not allow while it streams. Ask for more \
                     buffers at the start (dmaheapalloc min-buffers), or let fewer be held downstream",
                    source.name()
                )
            );
        }
        (PoolEvent::GivenBack, Some(upstream)) => gst::element_error!(
            element,
            gst::ResourceError::Settings,
            (
                "{} refuses memory of the heap {} and could not be asked beforehand. A device without an IOMMU needs \
                 physically contiguous memory; the kernel log may tell more{}",
                upstream.label(),
                source.name(),
                source.advice()
            )
        ),
        (PoolEvent::GivenBack, None) => {}
    }
}

/// Whether every allocator that was tried had too little memory.
fn ran_out(error: &NegotiateError) -> bool {
    match error {
        NegotiateError::NoneWorked(story) => {
            !story.steps().is_empty() && story.steps().iter().all(Step::ran_out)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open the heap")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_their_effect() {
        let error = Outer(std::io::Error::other("no permission"));
        assert_eq!(chain(&error), "cannot open the heap: no permission");
    }
}
