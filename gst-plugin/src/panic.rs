//! Panics stop here.
//!
//! GStreamer calls our vtables from C. The bindings turn a panic in an element into an error message, but those of
//! pools, allocators and destroy notifies have no element to post on: unwinding out of them would abort the process.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `code`; a panic becomes a log line and `None`.
pub(crate) fn contained<T>(what: &str, code: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(value) => Some(value),
        Err(payload) => {
            let cause = payload
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            gst::error!(crate::CAT, "{what} panicked: {cause}; please report this");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::contained;

    #[test]
    fn a_panic_becomes_none() {
        assert_eq!(contained("test", || 1), Some(1));
        assert_eq!(contained("test", || -> u8 { panic!("on purpose") }), None);
    }
}
