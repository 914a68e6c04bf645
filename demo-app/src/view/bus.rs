//! Bus messages in words.

use gst::prelude::*;

/// The error in `message`, with the element that posted it and its details.
pub(super) fn error_text(message: &gst::Message) -> String {
    let gst::MessageView::Error(error) = message.view() else {
        return String::from("unknown error");
    };
    let source = message.src().map(GstObjectExt::name).unwrap_or_default();
    let text = format!("{source}: {}", error.error());
    match error.debug() {
        // The first line only names the C function; what helps stands below it.
        Some(debug) => match debug.split_once('\n') {
            Some((_, details)) if !details.trim().is_empty() => {
                format!("{text} ({})", details.trim())
            }
            _ => text,
        },
        None => text,
    }
}
