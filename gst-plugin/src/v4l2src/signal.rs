//! What the driver tells between frames: that a digital input gets another signal, or none.

use std::os::fd::AsFd;
use std::sync::Arc;

use gst::subclass::prelude::*;
use gst_base::prelude::*;
use v4l2_import::Event;

use super::camera::Camera;
use super::deliver::SHORTAGE;
use super::imp::{CAT, V4l2Src};
use super::wake::Turn;

impl V4l2Src {
    /// Follows what the driver tells between frames; true if the stream is another one now.
    pub(super) fn heed_events(
        &self,
        camera: &Arc<Camera>,
        turn: &Turn<'_>,
    ) -> Result<bool, gst::FlowError> {
        let mut has_changed = false;
        loop {
            match camera.device().try_event() {
                Ok(Some(Event::SourceChange { is_resolution })) => has_changed |= is_resolution,
                Ok(Some(_other)) => {}
                Ok(None) => break,
                // The device is gone. The queue knows better what to say of that.
                Err(error) => {
                    gst::debug!(CAT, imp = self, "{error}");
                    return Ok(false);
                }
            }
        }
        if !has_changed {
            return Ok(false);
        }
        self.follow_source(camera, turn)?;
        Ok(true)
    }

    /// Waits until the source of a digital input sends something, and negotiates anew.
    fn follow_source(&self, camera: &Arc<Camera>, turn: &Turn<'_>) -> Result<(), gst::FlowError> {
        self.end_stream();
        while let Err(error) = camera.follow_source() {
            if self.is_news("signal") {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Read,
                    ("{error}. It waits for one; connect and switch on the source")
                );
            }
            let fd = camera.device().as_fd();
            let ready = turn.wait(fd, false, Some(SHORTAGE));
            let ready = ready.map_err(|error| self.fail_with(&error.to_string()))?;
            if turn.is_over() {
                return Err(gst::FlowError::Flushing);
            }
            if ready.event
                && let Err(error) = camera.device().try_event()
            {
                return Err(self.fail_with(&error.to_string()));
            }
        }
        if self.obj().negotiate() {
            Ok(())
        } else {
            Err(gst::FlowError::NotNegotiated)
        }
    }
}
