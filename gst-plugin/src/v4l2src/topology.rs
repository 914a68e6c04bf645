//! In how many dma-bufs a picture lies.
//!
//! V4L2 has a format of its own for pictures whose planes are in buffers of their own (`NV12M`), and many drivers have it beside
//! the other. In caps, both are one format. Which of them it is to be shows when those downstream have said what they read.

use dmabuf_heap::{FrameSpec, Topology};
use v4l2_import::{DeviceError, FormatRequest, Queue, QueueFormat, Size, V4l2Fourcc};

use super::camera::Camera;
use super::choice::Choice;
use super::stream::Party;

/// Has the camera put all planes into one dma-buf, where somebody downstream reads no others and the driver can. The caps stay.
///
/// # Errors
///
/// The driver refuses what it has offered. A sentence, if somebody else has the queue.
pub(super) fn suit(
    camera: &Camera,
    choice: &Choice,
    party: &Party,
) -> Result<Option<Choice>, Box<dyn std::error::Error>> {
    let format = &choice.format;
    let Some(fourcc) = format.code.drm() else {
        return Ok(None);
    };
    let is_split = format.code.buffers().is_some_and(|buffers| buffers > 1);
    let spec = FrameSpec::new(fourcc, format.width, format.height);
    let wants_one = party.readers.iter().any(|reader| {
        let needs = reader.constraints(&spec);
        needs.is_ok_and(|it| !it.needs().topology.contains(Topology::PER_PLANE))
    });
    if !is_split || !wants_one {
        return Ok(None);
    }
    let Some(request) = in_one(camera, format)? else {
        return Ok(None);
    };
    let format = camera.queue()?.set_format(&request)?;
    Ok(Some(Choice {
        format,
        ..choice.clone()
    }))
}

/// The same picture in one buffer, if the driver has that.
fn in_one(camera: &Camera, format: &QueueFormat) -> Result<Option<FormatRequest>, DeviceError> {
    let size = Size {
        width: format.width,
        height: format.height,
    };
    let fourcc = format.code.drm();
    let codes = fourcc.into_iter().flat_map(V4l2Fourcc::of);
    for code in codes.filter(|code| code.buffers() == Some(1)) {
        let request = FormatRequest::new(code, size)
            .field(format.field)
            .colorimetry(format.colorimetry);
        let answer = camera.device().try_request(Queue::Capture, &request)?;
        let is_same = (answer.width, answer.height, answer.field)
            == (format.width, format.height, format.field);
        if answer.code == code && is_same && answer.colorimetry == format.colorimetry {
            return Ok(Some(request));
        }
    }
    Ok(None)
}
