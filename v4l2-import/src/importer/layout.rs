use dmabuf_heap::{Constraints, FrameSpec, Modifier, Refusal, Suspect, Topology};

use crate::device::{Device, Queue};
use crate::format::{QueueFormat, RawFormat, V4l2Fourcc};
use crate::probe::Party;
use crate::uapi;

/// What a queue needs of frames of `spec`, asked without changing anything.
pub(super) fn constraints(
    device: &Device,
    party: Party<'_>,
    may_choose_strides: bool,
    spec: &FrameSpec,
) -> Result<Constraints, Refusal> {
    let refusal =
        |detail: String| party.refusal("VIDIOC_TRY_FMT", detail, None, Some(Suspect::Layout));
    if spec.modifier != Modifier::LINEAR {
        let (fourcc, modifier) = (spec.fourcc, spec.modifier);
        return Err(refusal(format!(
            "{fourcc} ({modifier}): V4L2 has no modifiers, its formats are linear"
        )));
    }
    let format = match current(device, party.queue, spec) {
        Some(format) => format,
        None => offered(device, party.queue, spec).map_err(refusal)?,
    };
    let step = may_choose_strides
        .then(|| stride_step(device, party.queue, &format))
        .flatten();
    let mut constraints = describe(party.name, &format, step);
    if let Some(buffers) = min_buffers(device, party.queue) {
        constraints = constraints.min_buffers(buffers);
    }
    Ok(constraints)
}

/// The format of the queue as it is, if that is the picture.
fn current(device: &Device, queue: Queue, spec: &FrameSpec) -> Option<QueueFormat> {
    let format = device.format(queue).ok()?;
    is_picture(&format, spec).then_some(format)
}

/// The format that the queue would take for the picture: in one buffer, or, where there is no such, in several.
fn offered(device: &Device, queue: Queue, spec: &FrameSpec) -> Result<QueueFormat, String> {
    let FrameSpec {
        fourcc,
        width,
        height,
        ..
    } = *spec;
    let mut nearest = None;
    for code in V4l2Fourcc::of(fourcc) {
        let wanted = RawFormat::wanted(device.info().buffer_type(queue), code, width, height);
        let Ok(answer) = device.try_raw(queue, wanted) else {
            continue;
        };
        let answer = QueueFormat::from(&answer);
        if is_picture(&answer, spec) {
            return Ok(answer);
        }
        // A driver answers with any other format when it lacks this one.
        if answer.code.shows(fourcc) {
            nearest.get_or_insert(answer);
        }
    }
    Err(match nearest {
        Some(nearest) => format!("{fourcc} {width}x{height}: the nearest it has is {nearest}"),
        None => format!("{fourcc} {width}x{height}: it has no such format"),
    })
}

fn is_picture(format: &QueueFormat, spec: &FrameSpec) -> bool {
    format.code.shows(spec.fourcc) && (format.width, format.height) == (spec.width, spec.height)
}

/// What strides must be a multiple of, where the driver takes larger ones than it needs.
fn stride_step(device: &Device, queue: Queue, format: &QueueFormat) -> Option<u32> {
    let strides = |format: &QueueFormat| -> Vec<u32> {
        let buffers = format.buffers.iter();
        buffers.map(|buffer| buffer.bytes_per_line).collect()
    };
    let ask = |wanted: &[u32]| -> Option<Vec<u32>> {
        let buffer_type = device.info().buffer_type(queue);
        let raw = RawFormat::wanted(buffer_type, format.code, format.width, format.height);
        let answer = device.try_raw(queue, raw.with_strides(wanted)).ok()?;
        Some(strides(&QueueFormat::from(&answer)))
    };
    let least = ask(&vec![0; format.buffers.len()])?;
    let more = ask(&least.iter().map(|stride| stride + 1).collect::<Vec<_>>())?;
    let steps = more
        .iter()
        .zip(&least)
        .map(|(more, least)| more.checked_sub(*least));
    let step = steps.collect::<Option<Vec<_>>>()?.into_iter().max()?;
    let is_step = step > 0 && least.iter().all(|stride| stride % step == 0);
    let wider: Vec<_> = least.iter().map(|stride| stride + step).collect();
    (is_step && ask(&wider)? == wider).then_some(step)
}

/// V4L2's layout in the words of a negotiation. `step` is given where larger strides are taken.
fn describe(name: &str, format: &QueueFormat, step: Option<u32>) -> Constraints {
    let mut constraints = Constraints::of(name).modifiers([Modifier::LINEAR]);
    constraints = if format.code.is_split() {
        constraints.topology(Topology::PER_PLANE)
    } else {
        constraints
            .topology(Topology::ONE)
            .packed_planes()
            .derived_strides()
    };
    if let Some(step) = step {
        constraints = constraints.stride_align(step);
    }
    for (index, buffer) in format.buffers.iter().enumerate() {
        let stride = buffer.bytes_per_line;
        constraints = match step {
            Some(_) => constraints.stride_min(index, stride),
            None => constraints.stride(index, stride),
        };
        constraints = constraints.min_len(index, buffer.size_image.into());
    }
    constraints
}

fn min_buffers(device: &Device, queue: Queue) -> Option<u32> {
    use std::os::fd::AsFd;
    let mut control = uapi::Control {
        id: match queue {
            Queue::Capture => uapi::CID_MIN_BUFFERS_FOR_CAPTURE,
            Queue::Output => uapi::CID_MIN_BUFFERS_FOR_OUTPUT,
        },
        value: 0,
    };
    uapi::get_control(device.as_fd(), &mut control).ok()?;
    u32::try_from(control.value).ok().filter(|&count| count > 0)
}
