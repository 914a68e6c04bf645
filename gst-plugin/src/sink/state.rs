//! Settings and state of a sink.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};

use dmabuf_heap::{Importer, Orientation, Rect};
use gst::glib;

use super::picture::Shown;
use super::presenter::Presenter;
use super::refusal::Refusals;
use super::settings::Settings;
use super::stream::Stream;
use super::timing::Timing;
use super::upload::Uploader;
use crate::heap::HeapSource;
use crate::judged::Judged;
use crate::pool::Answers;
use crate::stats::PathStats;
use crate::sync::lock;

/// All of a sink that does not depend on what it draws on.
///
/// The element hands the calls of its base class on, with itself as an argument: the core knows no element.
#[derive(Debug)]
pub(crate) struct SinkCore<P: Presenter> {
    settings: Mutex<Settings>,
    state: Mutex<State<P>>,
    /// Held by whoever replaces what is shown: the streaming thread, or the application that moves the picture.
    pub(super) turn: Mutex<()>,
    /// Whether what is shown belongs elsewhere meanwhile.
    pub(super) is_misplaced: AtomicBool,
    pub(super) refusals: Mutex<Refusals>,
    pub(super) uploader: Mutex<Option<Arc<Uploader>>>,
    pub(super) answers: Answers,
    /// Frames that the presenter refused.
    pub(super) refused: Judged,
    /// Whether upstream has been told that frames of the current caps are refused.
    pub(super) refusal_told: AtomicBool,
    pub(super) path: Arc<PathStats>,
    timing: Mutex<Timing>,
}

/// What exists between state changes and between caps.
#[derive(Debug)]
pub(super) struct State<P: Presenter> {
    /// From READY to NULL.
    pub(super) display: Option<P::Display>,
    /// From READY to NULL: where the buffers offered upstream and copies come from.
    pub(super) heap: Option<Arc<HeapSource>>,
    /// From READY; gone after PAUSED → READY, which gives the screen back.
    pub(super) presenter: Option<Arc<P>>,
    /// The presenter, as others ask it, if it imports anything. It holds nothing open.
    pub(super) importer: Option<Arc<dyn Importer>>,
    pub(super) stream: Option<Arc<Stream>>,
    /// The newest frame that the presenter took.
    pub(super) shown: Option<Shown>,
    /// Where the application wants the picture.
    pub(super) rectangle: Option<Rect>,
    /// How frames are turned.
    pub(super) orientation: Orientation,
}

impl<P: Presenter> SinkCore<P> {
    /// Sets a shared property; false if `name` is none of them.
    pub(crate) fn set_property(&self, name: &str, value: &glib::Value) -> bool {
        lock(&self.settings).set(name, value)
    }

    /// The value of a shared property, or `None` if `name` is none of them.
    pub(crate) fn property(&self, name: &str) -> Option<glib::Value> {
        lock(&self.settings).value(name)
    }

    /// The display between READY and NULL.
    pub(crate) fn display(&self) -> Option<P::Display> {
        self.state().display.clone()
    }

    /// What shows the frames, between READY or PAUSED and READY.
    pub(crate) fn presenter(&self) -> Option<Arc<P>> {
        self.state().presenter.clone()
    }

    /// Where the sink's own buffers come from, between READY and NULL.
    pub(crate) fn heap(&self) -> Option<Arc<HeapSource>> {
        self.state().heap.clone()
    }

    pub(super) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(super) fn force_aspect_ratio(&self) -> bool {
        lock(&self.settings).force_aspect_ratio
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<P>> {
        lock(&self.state)
    }

    pub(super) fn timing(&self) -> MutexGuard<'_, Timing> {
        lock(&self.timing)
    }
}

impl<P: Presenter> Default for SinkCore<P> {
    fn default() -> Self {
        Self {
            settings: Mutex::default(),
            state: Mutex::default(),
            turn: Mutex::default(),
            is_misplaced: AtomicBool::default(),
            refusals: Mutex::default(),
            uploader: Mutex::default(),
            answers: Answers::default(),
            refused: Judged::default(),
            refusal_told: AtomicBool::default(),
            path: Arc::default(),
            timing: Mutex::default(),
        }
    }
}

impl<P: Presenter> Default for State<P> {
    fn default() -> Self {
        Self {
            display: None,
            heap: None,
            presenter: None,
            importer: None,
            stream: None,
            shown: None,
            rectangle: None,
            orientation: Orientation::Identity,
        }
    }
}
