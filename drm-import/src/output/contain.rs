//! Calls into code of the application, from threads that it must not end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::error;

/// Calls something foreign; a panic ends there. It may own whatever it broke: nothing of ours is in reach
/// of it.
pub(super) fn contain(what: &str, call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        error!(what, "panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_where_the_foreign_code_was_called() {
        let mut calls = 0;
        contain("a test", || panic!("a listener of somebody else"));
        contain("a test", || calls += 1);
        assert_eq!(calls, 1);
    }
}
