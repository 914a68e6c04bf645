//! The output as what the sink draws on.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{Frame, Importer, Placement, Rect};
use drm_import::{CommitError, Output, OutputEvent, ShowError};

use super::display::Display;
use super::imp::CAT;
use super::reader::Reader;
use crate::caps::VideoCaps;
use crate::report::chain;
use crate::sink::{self, Event, Presenter, Ticket};

/// A KMS output.
#[derive(Debug)]
pub(crate) struct KmsPresenter(Output);

impl KmsPresenter {
    pub(super) fn new(output: Output) -> Self {
        Self(output)
    }

    pub(super) fn output(&self) -> &Output {
        &self.0
    }

    /// What to do about a refused placement, where the error of the device cannot know it.
    fn advice(&self, error: &ShowError, placement: Placement) -> String {
        let is_refused = matches!(error, ShowError::Commit(CommitError::Refused { .. }));
        let screen = self.area();
        if !is_refused || placement.dest == screen {
            return String::new();
        }
        let Rect { width, height, .. } = screen;
        format!(
            ". Some planes must cover the whole display: put videoscale and caps of {width}x{height} in front of the sink"
        )
    }
}

impl Presenter for KmsPresenter {
    type Display = Display;

    /// One on screen, one on its way there, one that waits.
    const HELD_FRAMES: u32 = 3;

    fn category() -> gst::DebugCategory {
        *CAT
    }

    fn on_event(&self, listener: Box<dyn Fn(Event) + Send + Sync>) {
        self.0.on_event(Box::new(move |event| match event {
            OutputEvent::Shown { time, .. } => listener(Event::Shown(None, time)),
            OutputEvent::Lost(error) => listener(Event::Lost(chain(&*error))),
            _ => {}
        }));
    }

    fn importer(&self) -> Arc<dyn Importer> {
        Arc::new(Reader::of(&self.0))
    }

    fn configure(&self, video: &VideoCaps) -> Result<(), gst::ErrorMessage> {
        let (format, info) = (video.format(), video.info());
        self.0
            .configure(format, info.width(), info.height())
            .map_err(|error| gst::error_msg!(gst::CoreError::Negotiation, ("{}", chain(&error))))?;
        gst::debug!(CAT, "{format} on plane {:?}", self.0.plane_id());
        Ok(())
    }

    fn area(&self) -> Rect {
        let mode = self.0.mode();
        Rect::new(0, 0, mode.width, mode.height)
    }

    fn test(&self, frame: Option<&Frame>, placement: &Placement) -> bool {
        frame.is_some_and(|frame| self.0.test(frame, placement).is_ok())
    }

    fn show(
        &self,
        frame: &Frame,
        placement: &Placement,
        keep: Box<dyn Any + Send>,
    ) -> Result<Ticket, sink::ShowError> {
        if let Some(why) = self.0.misreads(frame) {
            return Err(sink::ShowError::Import(why));
        }
        self.0
            .show(frame, placement, keep)
            .map(|()| None)
            .map_err(|error| match error {
                ShowError::Flushing => sink::ShowError::Flushing,
                ShowError::Lost(_) => sink::ShowError::Lost,
                ShowError::Commit(CommitError::Import(error)) => {
                    sink::ShowError::Import(chain(&error))
                }
                error => {
                    let advice = self.advice(&error, *placement);
                    sink::ShowError::Failed(chain(&error) + &advice)
                }
            })
    }

    fn set_flushing(&self, is_flushing: bool) {
        self.0.set_flushing(is_flushing);
    }

    fn wait_idle(&self, timeout: Duration) -> bool {
        self.0.wait_idle(timeout)
    }

    fn blank(&self) -> Result<(), String> {
        self.0.blank().map_err(|error| chain(&error))
    }

    fn describe(&self, fields: &mut gst::Structure) {
        let output = &self.0;
        fields.set("connector", output.connector_name());
        fields.set("connector-id", output.connector_id());
        fields.set("mode", output.mode().to_string());
        fields.set("crtc-id", output.crtc_id());
        if let Some(plane) = output.plane_id() {
            fields.set("plane-id", plane);
        }
    }
}
