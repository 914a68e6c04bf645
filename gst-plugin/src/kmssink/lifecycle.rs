//! From NULL to READY and back: what is opened, what is lit, and when it is given back.
//!
//! The device is open from READY on, since its formats are the element's caps. The screen changes with the first frame
//! and is as it was again when PAUSED is left.

use std::sync::Arc;

use drm_import::{Output, OutputEvent};
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::display::{self, Display};
use super::imp::{CAT, KmsSink};
use super::reader::Reader;
use crate::heap::HeapSource;
use crate::report;
use crate::sync::lock;

impl KmsSink {
    /// Opens heap, device and output; nothing changes on screen.
    pub(super) fn open(&self) -> Result<(), gst::ErrorMessage> {
        let settings = self.settings();
        let heap = HeapSource::open(&settings.heap)
            .map_err(|error| gst::error_msg!(error.code(), ("{}", report::chain(&error))))?;
        let (display, output) = Display::open(&settings)?;
        gst::info!(
            CAT,
            imp = self,
            "{} on a display of {}: {}",
            display.name(),
            display.screen,
            display.caps
        );
        {
            let mut state = self.state();
            state.display = Some(display);
            state.heap = Some(Arc::new(heap));
        }
        self.adopt(output);
        self.notify_display_size();
        Ok(())
    }

    pub(super) fn close(&self) {
        self.give_back();
        let closed = {
            let mut state = self.state();
            (state.display.take(), state.heap.take())
        };
        drop(closed);
        self.notify_display_size();
    }

    /// Takes the output up again after PAUSED → READY gave it back.
    pub(super) fn ensure_output(&self) -> Result<(), gst::ErrorMessage> {
        let (display, lit) = {
            let state = self.state();
            (state.display.clone(), state.output.is_some())
        };
        if let (Some(display), false) = (display, lit) {
            let output = display::open_output(&display.device, &self.settings())?;
            self.adopt(output);
        }
        Ok(())
    }

    /// Listens to an output and makes it ours.
    fn adopt(&self, output: Output) {
        let timing = Arc::clone(&self.timing);
        let element = self.obj().downgrade();
        output.on_event(Box::new(move |event| match event {
            OutputEvent::Shown { time, .. } => lock(&timing).appeared(time),
            OutputEvent::Lost(error) => {
                if let Some(element) = element.upgrade() {
                    gst::element_error!(
                        element,
                        gst::ResourceError::Write,
                        ("{}", report::chain(&*error))
                    );
                }
            }
            _ => {}
        }));
        let reader = Reader::of(&output);
        let mut state = self.state();
        state.importer = Some(Arc::new(reader));
        state.output = Some(Arc::new(output));
    }

    /// Gives the screen back: the plane off, the CRTC as it was found, every frame released.
    pub(super) fn give_back(&self) {
        let (output, shown) = {
            let mut state = self.state();
            state.stream = None;
            state.importer = None;
            (state.output.take(), state.shown.take())
        };
        self.forget_refusals();
        drop(output);
        drop(shown);
        lock(&self.uploader).take();
        self.path.forget_path();
        self.timing().cleared();
        lock(&self.refusals).clear();
    }

    /// While flushing, no frame is taken, and one that waits for its turn gives up.
    pub(super) fn flush_output(&self, is_flushing: bool) {
        let output = self.state().output.clone();
        if let Some(output) = output {
            output.set_flushing(is_flushing);
        }
    }

    fn notify_display_size(&self) {
        self.obj().notify("display-width");
        self.obj().notify("display-height");
    }
}
