//! The allocators of this machine, shared by all elements of the process.
//!
//! What devices said of memory is remembered in the registry. Elements share one for as long as any of them lives, so
//! that a camera that was asked for one pipeline is not asked again for the next. When the last is gone, the machine is
//! looked at afresh.

use std::sync::{Arc, Mutex, Weak};

use dmabuf_heap::Registry;

use crate::sync::lock;

static SHARED: Mutex<Weak<Registry>> = Mutex::new(Weak::new());

/// The registry of the process.
pub(crate) fn shared() -> Arc<Registry> {
    let mut shared = lock(&SHARED);
    shared.upgrade().unwrap_or_else(|| {
        let registry = Arc::new(Registry::discover());
        *shared = Arc::downgrade(&registry);
        registry
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_while_another_lives_gets_the_same() {
        let first = shared();
        assert!(Arc::ptr_eq(&first, &shared()));
    }
}
