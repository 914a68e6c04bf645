//! What elements say on the bus: errors as the user reads them, and changes that an application wants to know of.

use std::error::Error;
use std::fmt::Display;

use gst::prelude::*;

use crate::heap::HeapSource;
use crate::pool::PoolEvent;
use crate::stats::{Path, PathChange};
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
    let message = gst::message::Element::builder(structure)
        .src(element)
        .build();
    if let Err(error) = element.post_message(message) {
        gst::debug!(crate::CAT, obj = element, "nobody listens: {error}");
    }
}

/// Posts the error of `zero-copy=required`: what arrives at `pad` would have to be copied, because of `memory`.
pub(crate) fn copy_forbidden(
    element: &gst::Element,
    pad: &gst::Pad,
    buffer: &gst::BufferRef,
    memory: &dyn Display,
) {
    let who = Upstream::find(pad).map_or_else(|| "upstream".to_owned(), |it| it.label());
    gst::element_error!(
        element,
        gst::StreamError::WrongType,
        (
            "{who} brings frames that would have to be copied, and zero-copy=required forbids it: {memory}. \
             Let it write into the proposed pool (v4l2src: io-mode=dmabuf-import) or bring dma-bufs of its own \
             (v4l2src: io-mode=dmabuf), or allow a copy of {} bytes per frame by zero-copy=preferred",
            buffer.size()
        )
    );
}

/// Posts what a pool of `source` met in the hands of `upstream`. An importer that gets a buffer back unused will fail
/// with an error that names nothing.
pub(crate) fn pool_failed(
    element: &gst::Element,
    event: &PoolEvent<'_>,
    upstream: Option<&Upstream>,
    source: &HeapSource,
) {
    match (event, upstream.filter(|it| it.imports)) {
        (PoolEvent::AllocationFailed(error), _) => gst::element_error!(
            element,
            gst::ResourceError::NoSpaceLeft,
            ("no memory for another frame: {}", chain(*error))
        ),
        (PoolEvent::GivenBack, Some(upstream)) => gst::element_error!(
            element,
            gst::ResourceError::Settings,
            (
                "{} refuses memory of the heap {}: {}",
                upstream.label(),
                source.name(),
                source.why_refused()
            )
        ),
        (PoolEvent::GivenBack, None) => {}
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
