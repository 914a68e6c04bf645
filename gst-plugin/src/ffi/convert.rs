//! Conversions by CPU, in place.

use cpu_convert::{Conversion, ConvertError, Done};
use dmabuf_heap::Frame;

/// Makes `to` of `from`: frames of the buffer that a streaming thread works on, and of the one that it has just acquired.
///
/// # Errors
///
/// As [`Conversion::run`].
pub(crate) fn convert(
    conversion: &mut Conversion,
    from: &Frame,
    to: &Frame,
) -> Result<Done, ConvertError> {
    // SAFETY: GStreamer's contract for buffers. `from` is of a buffer that arrived at a pad and is held during the call:
    // whoever made it is done with it, no device has it queued for writing while a reference is held, and nobody may write
    // to memory that others have. `to` is of a writable buffer fresh from a pool, which nobody else has.
    unsafe { conversion.run(from, to) }
}
