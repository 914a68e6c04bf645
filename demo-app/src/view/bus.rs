//! Bus messages in words.

use gst::prelude::*;

/// The error or warning in `message`, with the element that posted it and its details.
pub(super) fn text(message: &gst::Message) -> String {
    let (error, debug) = match message.view() {
        gst::MessageView::Error(message) => (message.error(), message.debug()),
        gst::MessageView::Warning(message) => (message.error(), message.debug()),
        _ => return String::from("unknown error"),
    };
    let source = message.src().map(GstObjectExt::name).unwrap_or_default();
    let text = format!("{source}: {error}");
    // The first line of the details only names a C function; what helps stands below it.
    let details = debug.as_ref().and_then(|debug| debug.split_once('\n'));
    match details.map(|(_, details)| details.trim()) {
        Some(details) if !details.is_empty() => format!("{text} ({details})"),
        _ => text,
    }
}
