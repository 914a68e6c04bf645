//! What downstream takes, in the words of V4L2.

use dmabuf_heap::Modifier;
use gst_video::{VideoColorimetry, VideoFormat};
use v4l2_import::{Colorimetry, Device, DeviceError, Queue, QueueFormat, Size, V4l2Fourcc};

use super::format::{self, Form, Rate};
use crate::color;

/// One thing that downstream takes.
pub(super) struct Wish<'a> {
    pub(super) form: Form,
    /// Of these formats, or if none is named, of any.
    pub(super) codes: Option<Vec<V4l2Fourcc>>,
    pub(super) structure: Option<&'a gst::StructureRef>,
}

impl<'a> Wish<'a> {
    pub(super) fn all(peer: &'a gst::Caps) -> Vec<Self> {
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
    pub(super) fn size(&self, current: Size) -> Size {
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
    pub(super) fn field(&self) -> u32 {
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
    pub(super) fn colors(&self) -> Vec<Colorimetry> {
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
    pub(super) fn codes(
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
    pub(super) fn fits(&self, format: &QueueFormat) -> Option<Form> {
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

/// The formats that caps name; `None` where some leave them open.
pub(super) fn named_codes(caps: &gst::Caps) -> Option<Vec<V4l2Fourcc>> {
    let mut all = Vec::new();
    for wish in Wish::all(caps) {
        all.extend(wish.codes?);
    }
    Some(all)
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
