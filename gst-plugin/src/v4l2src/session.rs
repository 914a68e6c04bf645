//! The camera from READY to NULL.

use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::camera::Camera;
use super::imp::{CAT, V4l2Src};
use super::wake::Wake;
use crate::controls;
use crate::report::chain;

impl V4l2Src {
    /// Opens the heap and the camera.
    pub(super) fn open(&self) -> Result<(), gst::StateChangeError> {
        self.outlet.open(self.obj().upcast_ref())?;
        let settings = self.settings();
        let camera = Camera::open(&settings).map_err(|error| {
            gst::element_imp_error!(self, error.code(), ("{}", chain(&error)));
            gst::StateChangeError
        })?;
        let wake = Wake::new().map_err(|error| {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Failed,
                ("no eventfd to wait with: {error}")
            );
            gst::StateChangeError
        })?;
        gst::debug!(CAT, imp = self, "opened {}", camera.device().info());
        {
            let mut state = self.state();
            state.camera = Some(Arc::new(camera));
            state.wake = Some(Arc::new(wake));
        }
        self.set_controls();
        Ok(())
    }

    /// Lets go of the camera and the heap.
    pub(super) fn close(&self) {
        self.end_stream();
        let ended = std::mem::take(&mut *self.state());
        drop(ended);
        self.outlet.close();
    }

    /// Sets the controls that the user named, if a camera is open.
    pub(super) fn set_controls(&self) {
        let camera = self.state().camera.clone();
        let (Some(camera), Some(wanted)) = (camera, self.settings().extra_controls) else {
            return;
        };
        for objection in controls::apply(camera.device(), &wanted) {
            gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{objection}"));
        }
    }
}
