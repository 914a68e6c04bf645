//! Where an element that hands out frames gets their memory.
//!
//! Every such element has the properties `heap`, `zero-copy` and `stats`, opens its heap before anything streams, and asks those
//! downstream what memory they take. Then it makes a pool of what suits them and the device that fills the frames, and tells
//! the application of the choice.

mod decision;

use std::sync::{Arc, Mutex};

use dmabuf_heap::Importer;
use gst::glib;
use gst::prelude::*;

pub(crate) use decision::{Decision, held_downstream, reads_meta};

use crate::heap::HeapSource;
use crate::in_place;
use crate::memory::{self, Blurbs, MemorySettings};
use crate::pool::{HeapPool, PoolEvent, PoolListener, Users, Writer};
use crate::report::{self, chain};
use crate::stats::{Path, PathChange, PathStats};
use crate::sync::lock;

/// The properties of every element with an outlet.
pub(crate) fn param_specs() -> [glib::ParamSpec; 3] {
    memory::param_specs(&Blurbs {
        heap: "Name of the dma-buf heap to take memory from, or auto for what all devices take",
        zero_copy: "Whether a frame may be copied where it cannot be passed on as it is",
        stats: "Frames by the path they took, copies and their reasons, buffers, and which memory serves and why",
    })
}

/// The memory of one element: what the user wants, what serves, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    settings: Mutex<MemorySettings>,
    /// From READY to NULL.
    source: Mutex<Option<Arc<HeapSource>>>,
    stats: Arc<PathStats>,
}

impl Outlet {
    /// The counters of the element, which its pools share.
    pub(crate) const fn stats(&self) -> &Arc<PathStats> {
        &self.stats
    }

    /// What the user wants now.
    pub(crate) fn settings(&self) -> MemorySettings {
        lock(&self.settings).clone()
    }

    /// Takes the value of a property; false if it is none of those in [`param_specs`].
    pub(crate) fn set_property(&self, name: &str, value: &glib::Value) -> bool {
        lock(&self.settings).set(name, value)
    }

    /// The value of a property, if it is one of those in [`param_specs`]. `stats` is the element's own to tell: it may have
    /// more to say.
    pub(crate) fn property(&self, name: &str) -> Option<glib::Value> {
        lock(&self.settings).value(name)
    }

    /// Looks the heap up, in the change from NULL to READY. A wrong name fails there, with a message.
    ///
    /// # Errors
    ///
    /// There is no such heap; the element has said so.
    pub(crate) fn open(&self, element: &gst::Element) -> Result<(), gst::StateChangeError> {
        let name = self.settings().heap;
        match HeapSource::open(&name) {
            Ok(source) => {
                gst::debug!(crate::CAT, obj = element, "opened heap {name}");
                *lock(&self.source) = Some(Arc::new(source));
                Ok(())
            }
            Err(error) => {
                gst::element_error!(element, error.code(), ("{}", chain(&error)));
                Err(gst::StateChangeError)
            }
        }
    }

    /// Forgets the heap, in the change from READY to NULL.
    pub(crate) fn close(&self) {
        let source = lock(&self.source).take();
        drop(source);
    }

    /// The heap, between READY and NULL.
    pub(crate) fn source(&self) -> Option<Arc<HeapSource>> {
        lock(&self.source).clone()
    }

    /// Adds those downstream of `element`: those who import frames, who may be left to copy where nobody forbade it, and the
    /// CPU where elements on the way to them change the frames.
    pub(crate) fn with_readers(
        &self,
        element: &gst::Element,
        users: Users,
        readers: Vec<Arc<dyn Importer>>,
    ) -> Users {
        let users = users.for_readers(readers, self.settings().readers_may_copy());
        if in_place::is_written_after(element) {
            users.for_writers_downstream(&self.stats)
        } else {
            users
        }
    }

    /// A pool for these users; `None` if no heap is open. The element tells the application which memory was chosen.
    ///
    /// It also tells of failures, and names whoever imports upstream of the pad `sink`. Not so where a device of its own fills
    /// the frames: then there may be other ways than this pool, and the one who asked for it reads why it failed.
    pub(crate) fn pool(&self, element: &gst::Element, users: Users) -> Option<HeapPool> {
        let source = self.source()?;
        let (weak, stats) = (element.downgrade(), Arc::clone(&self.stats));
        let (heap, is_own) = (Arc::clone(&source), users.writer.is_own_device());
        let listener: PoolListener = Box::new(move |event| {
            if let Some(element) = weak.upgrade() {
                if is_own && !matches!(event, PoolEvent::Chosen(_)) {
                    return;
                }
                let pad = element.static_pad("sink");
                report::pool_event(&element, &event, pad.as_ref(), &heap, &stats);
            }
        });
        let stats = Arc::clone(&self.stats);
        Some(HeapPool::new(source, users, stats, listener))
    }

    /// Tells the application the way of the frames although that is the same as before: somebody else works on them, because
    /// of `reason`.
    pub(crate) fn tell_path_again(&self, element: &gst::Element, path: Path, reason: &str) {
        let change = self.stats.note_path(path).unwrap_or(PathChange {
            from: Some(path),
            to: path,
        });
        let heap = self.source().map_or_else(String::new, |it| it.name());
        report::path_changed(element, change, &heap, reason);
    }

    /// Tells the application when frames begin to take another way, because of `reason` if there is one.
    pub(crate) fn tell_path(&self, element: &gst::Element, path: Path, reason: &str) {
        if let Some(change) = self.stats.note_path(path) {
            let heap = self.source().map_or_else(String::new, |it| it.name());
            report::path_changed(element, change, &heap, reason);
        }
    }
}

impl Writer {
    /// Whether the element that has the pool fills the frames, by a device of its own.
    const fn is_own_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }
}

#[cfg(test)]
mod tests;
