//! What is done with the picture between camera and display.

use std::str::FromStr;

use anyhow::{Context, Result};
use gst::prelude::*;

use crate::cli::Size;

const REMEDY: &str = "write steps such as flip, rotate=90, crop=640x480+16+8, scale=640x480 or format=YUY2, with commas between them";

/// What `dmaheapconvert` shall do: crop, then turn, then scale and convert.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Process {
    /// As `video-direction` names it.
    direction: Option<&'static str>,
    crop: Option<Crop>,
    scale: Option<Size>,
    format: Option<String>,
}

/// A part of the picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Crop {
    size: Size,
    left: i32,
    top: i32,
}

impl Process {
    /// The converter, and behind it the caps that it shall make. What comes in has `size`, if that is known.
    ///
    /// # Errors
    ///
    /// The crop is no part of the picture, or the plugin is not there.
    pub(super) fn elements(&self, backend: &str, size: Option<Size>) -> Result<Vec<gst::Element>> {
        let convert = gst::ElementFactory::make("dmaheapconvert").build()?;
        convert.set_property_from_str("backend", backend);
        if let Some(direction) = self.direction {
            convert.set_property_from_str("video-direction", direction);
        }
        if let (Some(crop), Some(size)) = (self.crop, size) {
            for (side, pixels) in crop.margins(size)? {
                convert.set_property(side, pixels);
            }
        }
        let filter = gst::ElementFactory::make("capsfilter")
            .property("caps", self.caps())
            .build()?;
        Ok(vec![convert, filter])
    }

    fn caps(&self) -> gst::Caps {
        let mut wanted = gst::Structure::new_empty("video/x-raw");
        if let Some(scale) = self.scale {
            wanted.set("width", scale.width);
            wanted.set("height", scale.height);
        }
        if let Some(format) = &self.format {
            wanted.set("format", format);
        }
        gst::Caps::builder_full()
            .structure_with_any_features(wanted)
            .build()
    }

    fn take(&mut self, step: &str) -> Option<()> {
        let (word, value) = step.split_once('=').unwrap_or((step, ""));
        match (word, value) {
            ("flip", "" | "vertical") => self.direction = Some("vert"),
            ("flip", "horizontal") => self.direction = Some("horiz"),
            ("rotate", "90") => self.direction = Some("90r"),
            ("rotate", "180") => self.direction = Some("180"),
            ("rotate", "270") => self.direction = Some("90l"),
            ("crop", crop) => self.crop = Some(crop.parse().ok()?),
            ("scale", size) => self.scale = Some(size.parse().ok()?),
            ("format", format) if !format.is_empty() => self.format = Some(format.to_owned()),
            _ => return None,
        }
        Some(())
    }
}

impl FromStr for Process {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut process = Self::default();
        for step in text.split(',') {
            process
                .take(step.trim())
                .ok_or_else(|| format!("'{step}' is no step: {REMEDY}"))?;
        }
        Ok(process)
    }
}

impl Crop {
    /// What is cut off on each side, by the names of the properties.
    fn margins(self, whole: Size) -> Result<[(&'static str, i32); 4]> {
        let behind = |whole: i32, before: i32, len: i32| {
            let rest = whole.checked_sub(before)?.checked_sub(len)?;
            (rest >= 0).then_some(rest)
        };
        let right = behind(whole.width, self.left, self.size.width);
        let bottom = behind(whole.height, self.top, self.size.height);
        let outside = || {
            let (Size { width, height }, crop) = (self.size, whole);
            format!(
                "the crop {width}x{height}+{}+{} is no part of {}x{} pixels",
                self.left, self.top, crop.width, crop.height
            )
        };
        Ok([
            ("left", self.left),
            ("top", self.top),
            ("right", right.with_context(outside)?),
            ("bottom", bottom.with_context(outside)?),
        ])
    }
}

impl FromStr for Crop {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('+');
        let size = parts.next().and_then(|it| it.parse().ok()).ok_or(())?;
        let mut offset = || match parts.next() {
            None => Ok(0),
            Some(part) => part.parse().ok().filter(|&it: &i32| it >= 0).ok_or(()),
        };
        let (left, top) = (offset()?, offset()?);
        match parts.next() {
            None => Ok(Self { size, left, top }),
            Some(_more) => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_stand_with_commas_between_them() {
        let process: Process = "flip, scale=640x480,crop=320x240+16+8".parse().unwrap();
        let size = |width, height| Size { width, height };
        assert_eq!(process.direction, Some("vert"));
        assert_eq!(process.scale, Some(size(640, 480)));
        let crop = process.crop.unwrap();
        assert_eq!((crop.size, crop.left, crop.top), (size(320, 240), 16, 8));
        let margins = crop.margins(size(640, 480)).unwrap();
        let expected = [("left", 16), ("top", 8), ("right", 304), ("bottom", 232)];
        assert_eq!(margins, expected);
        assert!(crop.margins(size(330, 480)).is_err());
    }

    #[test]
    fn what_is_no_step_is_named_with_those_that_are() {
        for wrong in [
            "",
            "turn",
            "rotate=45",
            "crop=10",
            "scale",
            "format=",
            "crop=1x1+0+0+0",
        ] {
            let text = wrong.parse::<Process>().unwrap_err();
            assert!(text.contains("rotate=90"), "{wrong}: {text}");
        }
    }
}
