//! Calls into code of the application, from threads that it must not end.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::error;

/// Calls something foreign; a panic ends there. It may own whatever it broke: nothing of ours is in reach of it.
pub(crate) fn contain(what: &str, call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        error!(what, "panicked");
    }
}

/// Whatever must live as long as a compositor may read a frame. A panic in its drop goes no further.
pub(crate) struct Keep(Option<Box<dyn Any + Send>>);

impl Keep {
    pub(crate) fn new(keep: Box<dyn Any + Send>) -> Keep {
        Keep(Some(keep))
    }

    /// For pictures of our own memory.
    pub(crate) const fn nothing() -> Keep {
        Keep(None)
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        let keep = self.0.take();
        contain("what was kept with a frame", || drop(keep));
    }
}

impl fmt::Debug for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keep").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;

    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("a keep of somebody else");
        }
    }

    #[test]
    fn a_panic_ends_where_the_foreign_code_was_called() {
        let mut calls = 0;
        contain("a test", || panic!("a listener of somebody else"));
        drop(Keep::new(Box::new(Panics)));
        contain("a test", || calls += 1);
        assert_eq!(calls, 1);
    }
}
