//! Rows of frames, and of the driver.

use dmabuf_heap::FrameLayout;
use gst_video::VideoInfo;
use v4l2_import::{CaptureQueue, FormatRequest, Idle, Queue, QueueFormat};

use super::build::Obstacle;

/// Sets the queue to the strides of the frames that it is to fill, where they are not its own.
pub(super) fn settle(
    queue: &mut CaptureQueue<Idle>,
    format: &QueueFormat,
    layout: &FrameLayout,
) -> Result<(), Obstacle> {
    let strides: Vec<u32> = layout.planes().iter().map(|plane| plane.stride).collect();
    let strides = &strides[..strides.len().min(format.buffers.len())];
    let own: Vec<u32> = format.buffers.iter().map(|it| it.bytes_per_line).collect();
    if own == strides {
        return Ok(());
    }
    let request = FormatRequest::from(format).strides(strides);
    let answer = queue.set_format(&request)?;
    let answered = answer.buffers.iter().map(|it| it.bytes_per_line);
    if !answered.eq(strides.iter().copied()) {
        let device = queue.device().info();
        return Err(
            format!("{device} was asked for rows of {strides:?} bytes and has {answer}").into(),
        );
    }
    Ok(())
}

/// Sets the queue to the format that was negotiated, should something else have been tried since.
pub(super) fn restore(
    queue: &mut CaptureQueue<Idle>,
    format: &QueueFormat,
) -> Result<(), Obstacle> {
    if queue.device().format(Queue::Capture)? != *format {
        queue.set_format(&FormatRequest::from(format))?;
    }
    Ok(())
}

/// Whether planes lie where an element expects them that does not look.
pub(super) fn is_usual(info: &VideoInfo, layout: &FrameLayout) -> bool {
    let usual = info.stride().iter().zip(info.offset());
    let planes = layout.planes();
    planes.len() == info.stride().len()
        && usual.zip(planes).all(|((&stride, &offset), plane)| {
            i64::from(stride) == i64::from(plane.stride) && offset as u64 == plane.offset
        })
}
