use std::sync::Arc;

use dmabuf_heap::Format;

use super::flip::FlipLoop;
use super::pipeline::Pipeline;
use super::{Output, OutputError};
use crate::device::Device;

/// What an [`Output`] shall be made of; whatever is left open is chosen.
#[derive(Clone, Debug)]
#[must_use = "call build()"]
pub struct OutputBuilder {
    device: Arc<Device>,
    connector: Option<u32>,
    plane: Option<u32>,
    format: Option<Format>,
}

impl OutputBuilder {
    pub(super) fn new(device: &Arc<Device>) -> OutputBuilder {
        OutputBuilder {
            device: Arc::clone(device),
            connector: None,
            plane: None,
            format: None,
        }
    }

    /// The connector to show on; else the first connected one that is free.
    pub fn connector_id(mut self, id: u32) -> OutputBuilder {
        self.connector = Some(id);
        self
    }

    /// The only plane to show on; else one that takes the format.
    pub fn plane_id(mut self, id: u32) -> OutputBuilder {
        self.plane = Some(id);
        self
    }

    /// Fails to build unless a plane takes this format.
    pub fn for_format(mut self, format: Format) -> OutputBuilder {
        self.format = Some(format);
        self
    }

    /// Finds connector, CRTC and planes. The screen does not change yet: the first frame does it all in
    /// one commit.
    ///
    /// # Errors
    ///
    /// Another process drives the card, no connector or plane is free, or none takes the format.
    pub fn build(self) -> Result<Output, OutputError> {
        let device = self.device;
        device
            .ensure_master()
            .map_err(|holder| OutputError::NotMaster {
                device: device.card().to_string(),
                holder: holder.to_string(),
            })?;
        let (pipeline, state) = Pipeline::find(&device, self.connector, self.plane)?;
        let output = Output {
            flips: Arc::new(FlipLoop::new(&device, pipeline, state)),
            device,
        };
        if let Some(format) = self.format {
            output.flips.pipeline.planes_for(format, None)?;
        }
        output.register()?;
        Ok(output)
    }
}
