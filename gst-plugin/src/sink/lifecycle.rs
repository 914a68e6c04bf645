//! From NULL to READY and back: what is opened, what is lit, and when it is given back.
//!
//! The display is open from READY on, since its formats are the element's caps. What is shown changes with the first
//! frame, and is as it was again when PAUSED is left.

use std::sync::Arc;

use gst::prelude::*;

use super::presenter::{Display, Event, Presenter};
use super::state::SinkCore;
use crate::heap::HeapSource;
use crate::report;
use crate::sync::lock;

/// What an element knows how to open.
pub(crate) trait Opens<P: Presenter> {
    /// Opens the display that the settings name, and looks at it; nothing changes on screen.
    ///
    /// # Errors
    ///
    /// As the user reads them.
    fn open_display(&self) -> Result<(P::Display, P), gst::ErrorMessage>;

    /// Takes the display up again.
    ///
    /// # Errors
    ///
    /// As the user reads them.
    fn open_presenter(&self, display: &P::Display) -> Result<P, gst::ErrorMessage>;

    /// The display was opened or closed.
    fn display_changed(&self) {}
}

/// Keeps the base class from copying pixels where nobody counts them: with each ALLOCATION query it replaces the last sample
/// by a deep copy, so that upstream may have its memory back. What is on screen is ours to give back. An application may
/// switch the sample on again.
pub(crate) fn keep_no_sample(element: &gst_base::BaseSink) {
    element.set_property("enable-last-sample", false);
}

impl<P: Presenter> SinkCore<P> {
    /// The state change of the element, around that of its base class.
    ///
    /// Not in `start` and `stop`: the base class adds an error without words to the one that is posted here.
    pub(crate) fn change_state(
        self: &Arc<Self>,
        element: &gst_base::BaseSink,
        opens: &impl Opens<P>,
        transition: gst::StateChange,
        parent: impl FnOnce() -> Result<gst::StateChangeSuccess, gst::StateChangeError>,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let opened = match transition {
            gst::StateChange::NullToReady => self.open(element, opens),
            gst::StateChange::ReadyToPaused => self.ensure_presenter(element, opens),
            _ => Ok(()),
        };
        if let Err(message) = opened {
            element.post_error_message(message);
            return Err(gst::StateChangeError);
        }
        let success = parent().inspect_err(|_posted| {
            if transition == gst::StateChange::NullToReady {
                self.close(opens);
            }
        })?;
        match transition {
            gst::StateChange::ReadyToPaused => self.look_upstream(element),
            gst::StateChange::PlayingToPaused => self.timing().paused(),
            gst::StateChange::PausedToReady => self.give_back(),
            gst::StateChange::ReadyToNull => self.close(opens),
            _ => {}
        }
        Ok(success)
    }

    /// While flushing, no frame is taken, and one that waits for its turn gives up.
    pub(crate) fn set_flushing(&self, is_flushing: bool) {
        if let Some(presenter) = self.presenter() {
            presenter.set_flushing(is_flushing);
        }
    }

    /// Opens heap, display and presenter; nothing changes on screen.
    fn open(
        self: &Arc<Self>,
        element: &gst_base::BaseSink,
        opens: &impl Opens<P>,
    ) -> Result<(), gst::ErrorMessage> {
        let heap = HeapSource::open(&self.settings().memory.heap)
            .map_err(|error| gst::error_msg!(error.code(), ("{}", report::chain(&error))))?;
        let (display, presenter) = opens.open_display()?;
        gst::info!(
            P::category(),
            obj = element,
            "{}: {}",
            display.name(),
            display.caps()
        );
        {
            let mut state = self.state();
            state.display = Some(display);
            state.heap = Some(Arc::new(heap));
        }
        self.adopt(element, presenter);
        opens.display_changed();
        Ok(())
    }

    fn close(&self, opens: &impl Opens<P>) {
        self.give_back();
        let closed = {
            let mut state = self.state();
            (state.display.take(), state.heap.take())
        };
        drop(closed);
        opens.display_changed();
    }

    /// Takes the display up again after PAUSED → READY gave it back.
    fn ensure_presenter(
        self: &Arc<Self>,
        element: &gst_base::BaseSink,
        opens: &impl Opens<P>,
    ) -> Result<(), gst::ErrorMessage> {
        let (display, is_there) = {
            let state = self.state();
            (state.display.clone(), state.presenter.is_some())
        };
        if let (Some(display), false) = (display, is_there) {
            self.adopt(element, opens.open_presenter(&display)?);
        }
        Ok(())
    }

    /// Listens to a presenter and makes it ours.
    fn adopt(self: &Arc<Self>, element: &gst_base::BaseSink, presenter: P) {
        let (core, element) = (Arc::downgrade(self), element.downgrade());
        presenter.on_event(Box::new(move |event| {
            if let (Some(core), Some(element)) = (core.upgrade(), element.upgrade()) {
                core.hear(&element, event);
            }
        }));
        // A display that imports nothing has no say in what memory it is: all of it is copied.
        let imports = presenter.imports_nothing().is_none();
        let importer = imports.then(|| presenter.importer());
        let mut state = self.state();
        presenter.take_rectangle(state.rectangle);
        state.importer = importer;
        state.presenter = Some(Arc::new(presenter));
    }

    /// On whatever thread the presenter has.
    fn hear(&self, element: &gst_base::BaseSink, event: Event) {
        match event {
            Event::Shown(ticket, time) => self.timing().appeared(ticket, time),
            Event::Unshown(ticket) => self.timing().vanished(ticket),
            Event::Refused(key, why) => self.refuse_late(element, &key, &why),
            Event::Resized => self.show_again(element),
            Event::Closed => gst::element_error!(
                element,
                gst::ResourceError::NotFound,
                ("Output window was closed")
            ),
            Event::Lost(text) => {
                gst::element_error!(element, gst::ResourceError::Write, ("{text}"));
            }
        }
    }

    /// Gives the screen back as it was found, and every frame.
    fn give_back(&self) {
        let (presenter, shown) = {
            let mut state = self.state();
            state.stream = None;
            state.importer = None;
            (state.presenter.take(), state.shown.take())
        };
        self.forget_refusals();
        drop(presenter);
        drop(shown);
        let uploader = lock(&self.uploader).take();
        drop(uploader);
        self.answers.forget();
        self.path.forget_path();
        self.timing().cleared();
        lock(&self.refusals).clear();
    }
}
