//! What downstream takes and the camera makes.
//!
//! Stock sources ask a driver for everything that it can do, which is thousands of questions, and then for one thing. Here
//! downstream is asked first, and the driver only whether it has that.

use v4l2_import::{
    CaptureQueue, Device, DeviceError, FormatRequest, Idle, Queue, QueueFormat, Size, V4l2Fourcc,
};

use super::format::{self, Form, Rate};
use super::interval::{set_interval, take_over};
use super::wish::Wish;
use crate::dead_end;

/// Where the driver has no format of its own yet.
const DEFAULT_SIZE: Size = Size {
    width: 640,
    height: 480,
};

/// What frames will be.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    /// Fixed.
    pub caps: gst::Caps,
    /// How these speak of the pictures.
    pub form: Form,
    /// What the queue is set to.
    pub format: QueueFormat,
    /// How often, and in what shape.
    pub rate: Rate,
}

/// Why there is nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoChoice {
    /// Nothing that downstream takes.
    #[error("{0}")]
    NothingInCommon(String),
    /// The driver refused what it had offered.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// A wish that the driver can fulfil.
struct Offer<'a> {
    form: Form,
    /// What the driver was asked for …
    request: FormatRequest,
    /// … and what it would make of that.
    format: QueueFormat,
    structure: Option<&'a gst::StructureRef>,
}

/// Sets the camera to the first thing that `peer` takes and it makes.
///
/// # Errors
///
/// There is nothing of the kind.
pub(super) fn choose(
    queue: &mut CaptureQueue<Idle>,
    peer: &gst::Caps,
    pixel_aspect: (i32, i32),
) -> Result<Choice, NoChoice> {
    let device = queue.device().clone();
    let current = device.format(Queue::Capture).ok();
    let Offer {
        form,
        request,
        format,
        structure,
    } = find(&device, peer, current.as_ref())?;
    let format = if current.as_ref() == Some(&format) {
        format
    } else {
        queue.set_format(&request)?
    };
    let interval = set_interval(&device, structure)?;
    let rate = Rate {
        interval,
        pixel_aspect,
    };
    let caps = format::caps_of(&format, form, rate).map(|mut caps| {
        take_over(caps.make_mut(), structure, rate);
        caps
    });
    match caps {
        Some(caps) if peer.can_intersect(&caps) => Ok(Choice {
            caps,
            form,
            format,
            rate,
        }),
        Some(caps) => Err(nothing_in_common(&device, peer, Some(caps.to_string()))),
        None => Err(nothing_in_common(&device, peer, Some(format.to_string()))),
    }
}

/// Asks for each wish of downstream's, in its order, whether the driver can fulfil it.
fn find<'a>(
    device: &Device,
    peer: &'a gst::Caps,
    current: Option<&QueueFormat>,
) -> Result<Offer<'a>, NoChoice> {
    let size = current.map_or(DEFAULT_SIZE, |it| Size {
        width: it.width,
        height: it.height,
    });
    let mut nearest = None;
    for wish in Wish::all(peer) {
        let request = FormatRequest::new(V4l2Fourcc(0), wish.size(size)).field(wish.field());
        for code in wish.codes(device, current)? {
            for colors in wish.colors() {
                let request = request.clone().code(code).colorimetry(colors);
                let Ok(answer) = device.try_request(Queue::Capture, &request) else {
                    break;
                };
                if answer.code != code {
                    break;
                }
                if let Some(form) = wish.fits(&answer) {
                    return Ok(Offer {
                        form,
                        request,
                        format: answer,
                        structure: wish.structure,
                    });
                }
                nearest.get_or_insert((answer, wish.form));
            }
        }
    }
    let nearest = nearest.map(|(nearest, form)| described(&nearest, form));
    Err(nothing_in_common(device, peer, nearest))
}

/// The error, in which the user finds what was asked, and what there is instead.
fn nothing_in_common(device: &Device, peer: &gst::Caps, nearest: Option<String>) -> NoChoice {
    let has = match nearest {
        Some(nearest) => format!("the nearest that it has is {nearest}"),
        None => format!("it has the formats {}", format_names(device)),
    };
    NoChoice::NothingInCommon(format!(
        "{} makes nothing that downstream takes: {has}; asked for {}. Ask for what it has, or put dmaheapconvert behind it, and a decoder such as jpegdec where that is compressed",
        device.info(),
        dead_end::shortened(peer)
    ))
}

/// A format, and what its pixels stand for.
fn described(format: &QueueFormat, form: Form) -> String {
    let rate = Rate {
        interval: None,
        pixel_aspect: (1, 1),
    };
    let caps = format::caps_of(format, form, rate);
    let structure = caps.as_ref().and_then(|caps| caps.structure(0));
    match structure.and_then(|it| it.get::<&str>("colorimetry").ok()) {
        Some(colorimetry) => format!("{format}, colorimetry={colorimetry}"),
        None => format.to_string(),
    }
}

fn format_names(device: &Device) -> String {
    match device.formats(Queue::Capture) {
        Ok(formats) => {
            let names: Vec<_> = formats.iter().map(|it| it.code.to_string()).collect();
            names.join(", ")
        }
        Err(error) => format!("that nobody knows: {error}"),
    }
}
