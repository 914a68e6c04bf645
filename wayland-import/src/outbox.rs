//! What there is to tell the application, told when no lock is held.
//!
//! Events are read by two threads: that of the connection, and whoever shows a frame. Both put what follows from them here,
//! in the order of the events; one of them at a time takes it out and calls the application.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::contain::{Keep, contain};
use crate::display::LostError;
use crate::surface::{Core, SurfaceEvent};

pub(crate) type Listener = Arc<dyn Fn(SurfaceEvent) + Send + Sync>;

/// Something to be done in the application.
pub(crate) enum Effect {
    /// An event to be told.
    Tell(Listener, SurfaceEvent),
    /// The end of the connection to be told.
    Lost(Box<dyn FnOnce(Arc<LostError>) + Send>, Arc<LostError>),
    /// Something that a surface has kept with a frame, to be dropped.
    Drop(Keep, Weak<Core>),
}

#[derive(Debug, Default)]
pub(crate) struct Outbox(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    effects: VecDeque<Effect>,
    is_delivering: bool,
}

impl Outbox {
    pub(crate) fn push(&self, effect: Effect) {
        self.lock().effects.push_back(effect);
    }

    /// Does everything that is due, unless another thread, or this one further up, is at it: then that one does it all.
    pub(crate) fn deliver(&self) {
        let mut queue = self.lock();
        if queue.is_delivering || queue.effects.is_empty() {
            return;
        }
        queue.is_delivering = true;
        while let Some(effect) = queue.effects.pop_front() {
            drop(queue);
            effect.happen();
            queue = self.lock();
        }
        queue.is_delivering = false;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Effect {
    fn happen(self) {
        match self {
            Effect::Tell(listener, event) => contain("a surface's listener", || listener(event)),
            Effect::Lost(listener, error) => contain("a display's listener", || listener(error)),
            Effect::Drop(keep, core) => {
                drop(keep);
                if let Some(core) = core.upgrade() {
                    core.given_back();
                }
            }
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("effects", &self.effects.len())
            .field("is_delivering", &self.is_delivering)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_while_something_is_told_comes_after_it() {
        let outbox = Arc::new(Outbox::default());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listener = |name: &'static str, again: Option<&Arc<Outbox>>| -> Listener {
            let (heard, again) = (Arc::clone(&heard), again.cloned());
            Arc::new(move |_event| {
                if let Some(outbox) = &again {
                    let heard = Arc::clone(&heard);
                    let inner: Listener =
                        Arc::new(move |_event| heard.lock().unwrap().push("inner"));
                    outbox.push(Effect::Tell(inner, SurfaceEvent::Closed));
                    outbox.deliver();
                }
                heard.lock().unwrap().push(name);
            })
        };
        outbox.push(Effect::Tell(
            listener("first", Some(&outbox)),
            SurfaceEvent::Closed,
        ));
        outbox.push(Effect::Tell(listener("second", None), SurfaceEvent::Closed));
        outbox.deliver();
        assert_eq!(*heard.lock().unwrap(), ["first", "second", "inner"]);
    }
}
