use std::os::fd::AsFd;

use crate::device::{Device, DeviceKind, Queue};
use crate::format::RawFormat;
use crate::uapi::{self, Selection, StreamParameters};

/// What `S_FMT` may change, as it was; put back when dropped.
pub(crate) struct SavedState<'a> {
    device: &'a Device,
    queue: Queue,
    /// In the order of setting: on mem2mem devices the output format decides about the capture format.
    formats: Vec<(Queue, RawFormat)>,
    /// Crop, then compose.
    selections: Vec<Selection>,
    parameters: Option<StreamParameters>,
}

/// Formats, rectangles and intervals depend on each other in ways that only the driver knows.
const ROUNDS: usize = 2;

impl<'a> SavedState<'a> {
    pub(crate) fn save(device: &'a Device, queue: Queue) -> Self {
        let queues: &[Queue] = match device.info().kind {
            DeviceKind::Mem2Mem => &[Queue::Output, Queue::Capture],
            _ => std::slice::from_ref(&queue),
        };
        let format = |&queue: &Queue| Some((queue, device.raw_format(queue).ok()?));
        Self {
            device,
            queue,
            formats: queues.iter().filter_map(format).collect(),
            selections: [uapi::SEL_TGT_CROP, uapi::SEL_TGT_COMPOSE]
                .into_iter()
                .filter_map(|target| selection(device, queue, target))
                .collect(),
            parameters: parameters(device, queue),
        }
    }

    /// Sets what differs. Returns whether nothing did.
    fn restore_once(&self) -> bool {
        let Self { device, queue, .. } = *self;
        let mut was_equal = true;
        for &(queue, format) in &self.formats {
            if device.raw_format(queue).ok() != Some(format) {
                was_equal = false;
                log(device, "VIDIOC_S_FMT", device.set_raw(queue, format));
            }
        }
        for &saved in &self.selections {
            if selection(device, queue, saved.target) != Some(saved) {
                was_equal = false;
                let mut rectangle = saved;
                let result = uapi::set_selection(device.as_fd(), &mut rectangle);
                log(device, "VIDIOC_S_SELECTION", result);
            }
        }
        if let Some(saved) = self.parameters
            && parameters(device, queue).map(|now| now.interval) != Some(saved.interval)
        {
            was_equal = false;
            let result = uapi::set_parameters(device.as_fd(), &mut saved.clone());
            log(device, "VIDIOC_S_PARM", result);
        }
        was_equal
    }
}

impl Drop for SavedState<'_> {
    fn drop(&mut self) {
        for _round in 0..ROUNDS {
            if self.restore_once() {
                return;
            }
        }
        if !self.restore_once() {
            let (device, queue) = (self.device.info(), self.queue);
            tracing::warn!(%device, %queue, "the device does not take its former format, crop or interval back");
        }
    }
}

fn selection(device: &Device, queue: Queue, target: u32) -> Option<Selection> {
    // This ioctl takes the types of the single-planar interface, on every kernel.
    let buffer_type = match queue {
        Queue::Capture => uapi::BUF_TYPE_VIDEO_CAPTURE,
        Queue::Output => uapi::BUF_TYPE_VIDEO_OUTPUT,
    };
    let mut selection = Selection {
        buffer_type,
        target,
        ..Selection::default()
    };
    uapi::get_selection(device.as_fd(), &mut selection).ok()?;
    Some(selection)
}

fn parameters(device: &Device, queue: Queue) -> Option<StreamParameters> {
    let mut parameters = StreamParameters::new(device.info().buffer_type(queue));
    uapi::get_parameters(device.as_fd(), &mut parameters).ok()?;
    (parameters.capability & uapi::CAP_TIMEPERFRAME != 0).then_some(parameters)
}

fn log<T, E: std::fmt::Display>(device: &Device, operation: &str, result: Result<T, E>) {
    if let Err(error) = result {
        let device = device.info();
        tracing::warn!(%device, operation, %error, "a former state cannot be put back");
    }
}
