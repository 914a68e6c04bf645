//! The compositor as the display that the sink shows frames on.

use std::sync::Arc;

use dmabuf_heap::{Format, FormatSet, PixelFormat, YuvColor};
use gst_video::VideoInfo;
use wayland_import::{Display, YuvSupport};

use super::colors::caps_in_color;
use super::settings::Color;
use crate::caps::VideoCaps;
use crate::sink::{self, yuv_color};

/// What is known of the compositor between READY and NULL, also while there is no window.
#[derive(Debug, Clone)]
pub(crate) struct Compositor {
    pub(super) display: Arc<Display>,
    /// Whether the connection is the application's.
    pub(super) is_foreign: bool,
    color: Color,
    caps: gst::Caps,
}

impl Compositor {
    pub(super) fn new(display: Arc<Display>, is_foreign: bool, color: Color) -> Self {
        let yuv = (color == Color::Auto).then_some(&display.offers().yuv);
        let caps = caps_in_color(&taken_formats(&display), yuv);
        Self {
            display,
            is_foreign,
            color,
            caps,
        }
    }

    /// What becomes of the colours of these frames.
    pub(super) fn color_story(&self, info: &VideoInfo) -> String {
        let Some(color) = yuv_color(info) else {
            return "no conversion: the frames are RGB, or of no known matrix".to_owned();
        };
        match &self.display.offers().yuv {
            YuvSupport::Assumed(assumed) if !is_same(*assumed, color) => {
                format!(
                    "assumed to be {assumed}, which is what the compositor decodes; the frames are {color}"
                )
            }
            YuvSupport::Assumed(_) => format!("{color}, which is what the compositor decodes"),
            _ => format!("{color}, as the compositor is told"),
        }
    }

    /// Whether `wl_shm` takes copies of frames of this format.
    pub(super) fn takes_copies(&self, format: Format) -> bool {
        self.display.offers().shm_formats.contains(format) && lies_in_rows(&format)
    }

    /// Whether frames of these colours come out right, or need not.
    fn takes_color(&self, info: &VideoInfo) -> bool {
        self.color == Color::Assume
            || yuv_color(info).is_none_or(|color| self.display.offers().yuv.knows(color))
    }
}

impl sink::Display for Compositor {
    fn caps(&self) -> &gst::Caps {
        &self.caps
    }

    fn name(&self) -> String {
        self.display.name().to_owned()
    }

    /// Caps need not name a colorimetry; what they mean without one depends on the size of the picture.
    fn accepts(&self, caps: &gst::Caps) -> Option<bool> {
        let video = VideoCaps::parse(caps).ok()?;
        Some(caps.can_intersect(&self.caps) && self.takes_color(video.info()))
    }

    fn objection(&self, caps: &gst::CapsRef) -> Option<String> {
        let mut colorless = caps.to_owned();
        for structure in colorless.make_mut().iter_mut() {
            structure.remove_field("colorimetry");
        }
        let color = VideoCaps::parse(caps)
            .ok()
            .and_then(|video| yuv_color(video.info()));
        if !colorless.can_intersect(&self.caps) || color.is_some_and(|it| self.knows(it)) {
            return None;
        }
        let frames = color.map_or_else(|| "in these colours".to_owned(), |it| format!("in {it}"));
        let YuvSupport::Assumed(assumed) = &self.display.offers().yuv else {
            return Some(format!(
                "{} shows no YUV frames {frames}: it does not know this matrix or range. Put videoconvert in front of the sink",
                self.display.name()
            ));
        };
        Some(format!(
            "{} would show YUV frames {frames} in wrong colours: it has no color-representation-v1 and decodes all YUV as {assumed}. \
             Put videoconvert in front of the sink, or accept that by color=assume",
            self.display.name()
        ))
    }

    fn describe(&self, fields: &mut gst::Structure) {
        let (offers, imports) = (self.display.offers(), self.display.import_stats());
        fields.set("device", self.display.name());
        fields.set("driver", "wayland");
        fields.set("dmabuf-version", offers.dmabuf_version.unwrap_or(0));
        fields.set("imports", imports.asked + imports.trusted);
        fields.set("import-cache-hits", imports.cache_hits);
    }
}

impl Compositor {
    fn knows(&self, color: YuvColor) -> bool {
        self.display.offers().yuv.knows(color)
    }
}

/// What dma-bufs can be imported in; where none can, what can be copied.
fn taken_formats(display: &Display) -> FormatSet {
    let formats = display.formats();
    if formats.is_empty() {
        let shm = display.offers().shm_formats.iter();
        shm.filter(lies_in_rows).collect()
    } else {
        formats
    }
}

/// Copies are made row by row.
fn lies_in_rows(format: &Format) -> bool {
    PixelFormat::find(format.fourcc).is_some()
}

fn is_same(one: YuvColor, other: YuvColor) -> bool {
    (one.encoding, one.range) == (other.encoding, other.range)
}
