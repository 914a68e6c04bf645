//! What downstream takes and the camera makes.
//!
//! Stock sources ask a driver for everything that it can do, which is thousands of questions, and then for one thing. Here
//! downstream is asked first, and the driver only whether it has that.

use dmabuf_heap::Modifier;
use gst_video::{VideoColorimetry, VideoFormat};
use v4l2_import::{
    CaptureQueue, Colorimetry, Device, DeviceError, FormatRequest, Idle, Interval, Queue,
    QueueFormat, Size, V4l2Fourcc,
};

use super::format::{self, Form, Rate};
use crate::color;
use crate::dead_end;

/// Where the driver has no format of its own yet.
const DEFAULT_SIZE: Size = Size {
    width: 640,
    height: 480,
};

/// Frames per second of a usual video.
const USUAL_FPS: i32 = 30;

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

/// One thing that downstream takes.
struct Wish<'a> {
    form: Form,
    /// Of these formats, or if none is named, of any.
    codes: Option<Vec<V4l2Fourcc>>,
    structure: Option<&'a gst::StructureRef>,
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

/// The formats that caps name; `None` where some leave them open.
pub(super) fn named_codes(caps: &gst::Caps) -> Option<Vec<V4l2Fourcc>> {
    let mut all = Vec::new();
    for wish in Wish::all(caps) {
        all.extend(wish.codes?);
    }
    Some(all)
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

impl<'a> Wish<'a> {
    fn all(peer: &'a gst::Caps) -> Vec<Self> {
        if peer.is_any() {
            return [Form::Plain, Form::Bytes]
                .map(|form| Self {
                    form,
                    codes: None,
                    structure: None,
                })
                .into();
        }
        let wishes = peer.iter_with_features();
        wishes
            .filter_map(|(structure, features)| Self::of(structure, features))
            .collect()
    }

    fn of(structure: &'a gst::StructureRef, features: &gst::CapsFeaturesRef) -> Option<Self> {
        let structure_of = |form, codes| {
            Some(Self {
                form,
                codes,
                structure: Some(structure),
            })
        };
        if structure.name() != "video/x-raw" {
            let codes = format::encoded_codes(structure);
            return (!codes.is_empty())
                .then(|| structure_of(Form::Bytes, Some(codes)))
                .flatten();
        }
        let in_dmabufs = features.contains(gst_allocators::CAPS_FEATURE_MEMORY_DMABUF.as_str());
        let formats = strings(structure, "format");
        let is_drm = formats
            .as_ref()
            .is_none_or(|all| all.iter().any(|it| it == "DMA_DRM"));
        if in_dmabufs && is_drm {
            let codes = strings(structure, "drm-format").map(|names| drm_codes(&names));
            return structure_of(Form::DmaDrm, codes);
        }
        let is_plain = features.is_any()
            || features.is_equal(gst::CapsFeatures::new_empty().as_ref())
            || features.contains(gst::CAPS_FEATURE_MEMORY_SYSTEM_MEMORY.as_str());
        if !in_dmabufs && !is_plain {
            return None;
        }
        let form = if in_dmabufs {
            Form::Legacy
        } else {
            Form::Plain
        };
        structure_of(form, formats.map(|names| plain_codes(&names)))
    }

    /// The size to ask for: the one that is wished, the nearest to the camera's own if there are several.
    fn size(&self, current: Size) -> Size {
        let mut wished = self.structure.map_or_else(
            || gst::Structure::new_empty("any"),
            gst::StructureRef::to_owned,
        );
        let mut side = |name: &str, current: u32| {
            let target = i32::try_from(current).unwrap_or(i32::MAX);
            if wished.has_field(name) {
                wished.fixate_field_nearest_int(name, target);
            }
            let side = wished.get::<i32>(name).ok();
            side.and_then(|side| u32::try_from(side).ok())
                .unwrap_or(current)
        };
        Size {
            width: side("width", current.width),
            height: side("height", current.height),
        }
    }

    /// `enum v4l2_field` to ask for: progressive, unless that is not wished.
    fn field(&self) -> u32 {
        const PROGRESSIVE: u32 = 1;
        const INTERLACED: u32 = 4;
        let modes = self
            .structure
            .and_then(|structure| strings(structure, "interlace-mode"));
        match modes {
            Some(modes) if modes.iter().all(|mode| mode != "progressive") => INTERLACED,
            _ => PROGRESSIVE,
        }
    }

    /// What pixels are asked to stand for: first what the camera makes by itself, whatever a program before has asked it for, then
    /// what is wished. A driver that converts no colours answers with what it makes, and is not taken at its word.
    fn colors(&self) -> Vec<Colorimetry> {
        let names = self
            .structure
            .and_then(|structure| strings(structure, "colorimetry"))
            .unwrap_or_default();
        let wished = names
            .iter()
            .filter_map(|name| name.parse::<VideoColorimetry>().ok());
        let wished = wished.map(|colorimetry| color::to_v4l2(&colorimetry));
        [Colorimetry::default()].into_iter().chain(wished).collect()
    }

    /// The formats to ask for, the one that the camera is set to first. Only where none is named, the driver is asked for all.
    fn codes(
        &self,
        device: &Device,
        current: Option<&QueueFormat>,
    ) -> Result<Vec<V4l2Fourcc>, DeviceError> {
        let mut codes = match &self.codes {
            Some(codes) => codes.clone(),
            None if current.is_some_and(|it| self.fits(it).is_some()) => Vec::new(),
            None => {
                let formats = device.formats(Queue::Capture)?;
                formats.iter().map(|format| format.code).collect()
            }
        };
        let Some(current) = current.map(|it| it.code) else {
            return Ok(codes);
        };
        match codes.iter().position(|&code| code == current) {
            Some(at) => {
                codes.remove(at);
                codes.insert(0, current);
            }
            None if self.codes.is_none() => codes.insert(0, current),
            None => {}
        }
        Ok(codes)
    }

    /// The form in which pictures of this format are what is wished; `None` if they are not. The rate is not looked at.
    fn fits(&self, format: &QueueFormat) -> Option<Form> {
        let rate = Rate {
            interval: None,
            pixel_aspect: (1, 1),
        };
        let mut caps = format::caps_of(format, self.form, rate)?;
        let Some(structure) = self.structure else {
            return Some(self.form);
        };
        let own = caps.make_mut().structure_mut(0)?;
        own.remove_fields(["framerate", "pixel-aspect-ratio"]);
        own.can_intersect(structure).then_some(self.form)
    }
}

/// The rate of the camera, set to what is wished, or the nearest.
fn set_interval(
    device: &Device,
    structure: Option<&gst::StructureRef>,
) -> Result<Option<Interval>, DeviceError> {
    let Ok(current) = device.interval(Queue::Capture) else {
        return Ok(None);
    };
    let rate = Rate {
        interval: Some(current),
        pixel_aspect: (1, 1),
    };
    let fps = rate.fps();
    let wished = wished_fps(structure, fps);
    if wished == fps || wished.numer() <= 0 {
        return Ok(Some(current));
    }
    let interval = Interval {
        numerator: wished.denom().unsigned_abs(),
        denominator: wished.numer().unsigned_abs(),
    };
    device.set_interval(Queue::Capture, interval).map(Some)
}

/// The rate that is wished, the nearest to the camera's own if there are several; but no camera need stay slower than usual.
fn wished_fps(structure: Option<&gst::StructureRef>, current: gst::Fraction) -> gst::Fraction {
    let target = current.max(gst::Fraction::new(USUAL_FPS, 1));
    let Some(structure) = structure.filter(|it| it.has_field("framerate")) else {
        return target;
    };
    let mut wished = structure.to_owned();
    wished.fixate_field_nearest_fraction("framerate", target);
    wished.get("framerate").unwrap_or(current)
}

/// What nobody but downstream has an opinion on is as it wishes: the rate of a camera that does not know its own.
fn take_over(caps: &mut gst::CapsRef, structure: Option<&gst::StructureRef>, rate: Rate) {
    if rate.interval.is_some() {
        return;
    }
    let wished = structure.and_then(|it| it.get::<gst::Fraction>("framerate").ok());
    if let (Some(wished), Some(own)) = (wished, caps.structure_mut(0)) {
        own.set("framerate", wished);
    }
}

/// The strings of a field; `None` if it is not there.
fn strings(structure: &gst::StructureRef, field: &str) -> Option<Vec<String>> {
    if let Ok(one) = structure.get::<String>(field) {
        return Some(vec![one]);
    }
    let list = structure.get::<gst::List>(field).ok()?;
    let strings = list.iter().filter_map(|value| value.get::<String>().ok());
    Some(strings.collect())
}

fn drm_codes(names: &[String]) -> Vec<V4l2Fourcc> {
    let linear = names.iter().filter_map(|name| {
        let (fourcc, modifier) = gst_video::dma_drm_fourcc_from_str(name).ok()?;
        (modifier == Modifier::LINEAR.0).then_some(dmabuf_heap::Fourcc(fourcc))
    });
    linear.flat_map(V4l2Fourcc::of).collect()
}

fn plain_codes(names: &[String]) -> Vec<V4l2Fourcc> {
    let fourccs = names.iter().filter_map(|name| {
        let format = VideoFormat::from_string(name);
        gst_video::dma_drm_fourcc_from_format(format).ok()
    });
    fourccs
        .flat_map(|fourcc| V4l2Fourcc::of(dmabuf_heap::Fourcc(fourcc)))
        .collect()
}

/// The error, in which the user finds what was asked, and what there is instead.
fn nothing_in_common(device: &Device, peer: &gst::Caps, nearest: Option<String>) -> NoChoice {
    let has = match nearest {
        Some(nearest) => format!("the nearest that it has is {nearest}"),
        None => format!("it has the formats {}", format_names(device)),
    };
    NoChoice::NothingInCommon(format!(
        "{} makes nothing that downstream takes: {has}; asked for {}. Ask for what it has, or put videoconvertscale behind it",
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes(text: &str) -> Vec<(Form, Option<Vec<String>>)> {
        gst::init().expect("GStreamer");
        let caps: gst::Caps = text.parse().expect("caps syntax");
        let names = |codes: Vec<V4l2Fourcc>| codes.iter().map(ToString::to_string).collect();
        let wishes = Wish::all(&caps);
        wishes
            .into_iter()
            .map(|wish| (wish.form, wish.codes.map(names)))
            .collect()
    }

    fn named(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn every_way_to_ask_for_a_picture_is_understood() {
        let drm = "video/x-raw(memory:DMABuf),format=DMA_DRM";
        assert_eq!(
            wishes(&format!(
                "{drm},drm-format={{NV12,XR24:0x0100000000000002}}"
            )),
            [(Form::DmaDrm, Some(named(&["NV12", "NM12"])))]
        );
        assert_eq!(wishes(drm), [(Form::DmaDrm, None)]);
        assert_eq!(
            wishes("video/x-raw,format=BGRx;image/jpeg;video/x-raw(memory:VAMemory)"),
            [
                (Form::Plain, Some(named(&["XR24", "BGR4"]))),
                (Form::Bytes, Some(named(&["MJPG", "JPEG"]))),
            ]
        );
        assert_eq!(
            wishes("video/x-raw(memory:DMABuf),format=YUY2"),
            [(Form::Legacy, Some(named(&["YUYV"])))]
        );
        assert_eq!(wishes("ANY"), [(Form::Plain, None), (Form::Bytes, None)]);
    }

    #[test]
    fn the_size_is_the_nearest_to_that_of_the_camera() {
        gst::init().expect("GStreamer");
        let current = Size {
            width: 640,
            height: 360,
        };
        for (text, width, height) in [
            ("video/x-raw", 640, 360),
            ("video/x-raw,width=320,height=180", 320, 180),
            ("video/x-raw,width=[1,400],height={100,300,900}", 400, 300),
        ] {
            let caps: gst::Caps = text.parse().expect("caps syntax");
            let wishes = Wish::all(&caps);
            assert_eq!(wishes[0].size(current), Size { width, height }, "{text}");
        }
    }

    #[test]
    fn no_camera_stays_slow_unless_that_is_wished() {
        gst::init().expect("GStreamer");
        let fps = |text: &str, current: i32| {
            let caps: gst::Caps = text.parse().expect("caps syntax");
            let fps = wished_fps(caps.structure(0), gst::Fraction::new(current, 1));
            (fps.numer(), fps.denom())
        };
        assert_eq!(fps("video/x-raw", 5), (30, 1));
        assert_eq!(fps("video/x-raw", 60), (60, 1));
        assert_eq!(fps("video/x-raw,framerate=[0/1,15/1]", 60), (15, 1));
        assert_eq!(fps("video/x-raw,framerate=25/2", 60), (25, 2));
    }

    #[test]
    fn colours_are_those_of_the_camera_unless_others_are_wished() {
        gst::init().expect("GStreamer");
        let spaces = |text: &str| -> Vec<u32> {
            let caps: gst::Caps = text.parse().expect("caps syntax");
            let colors = Wish::all(&caps)[0].colors();
            colors.iter().map(|it| it.colorspace).collect()
        };
        assert_eq!(spaces("video/x-raw"), [0]);
        assert_eq!(spaces("video/x-raw,colorimetry=bt709"), [0, 3]);
        assert_eq!(spaces("video/x-raw,colorimetry={bt601,bt709}"), [0, 1, 3]);
    }

    #[test]
    fn fields_are_asked_for_only_where_whole_pictures_are_not_wanted() {
        gst::init().expect("GStreamer");
        for (text, field) in [
            ("video/x-raw", 1),
            ("video/x-raw,interlace-mode={progressive,interleaved}", 1),
            ("video/x-raw,interlace-mode=interleaved", 4),
        ] {
            let caps: gst::Caps = text.parse().expect("caps syntax");
            assert_eq!(Wish::all(&caps)[0].field(), field, "{text}");
        }
    }
}
