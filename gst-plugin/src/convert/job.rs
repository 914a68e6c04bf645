//! What is to be done with each frame.

use std::fmt;

use cpu_convert::Orientation;
use dmabuf_heap::Rect;
use gst_video::{VideoColorMatrix, VideoColorRange, VideoInterlaceMode};

use super::window::Window;
use crate::caps::VideoCaps;

/// What the user wants done besides what the caps say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wishes {
    pub orientation: Orientation,
    pub margins: Margins,
}

/// What is cut off, in pixels of the picture that comes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Margins {
    pub top: u32,
    pub bottom: u32,
    pub left: u32,
    pub right: u32,
}

/// One conversion.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// What comes in.
    pub from: VideoCaps,
    /// What goes out.
    pub to: VideoCaps,
    pub orientation: Orientation,
    /// The part of what comes in; `None`: all of it.
    pub crop: Option<Rect>,
}

/// Why caps and wishes make no conversion.
#[derive(Debug, thiserror::Error)]
pub(super) enum JobError {
    /// More is cut off than there is.
    #[error(
        "the margins (top {}, bottom {}, left {}, right {}) leave nothing of {width}x{height} pixels; make them smaller",
        margins.top, margins.bottom, margins.left, margins.right
    )]
    NothingLeft {
        margins: Margins,
        width: u32,
        height: u32,
    },
    /// Rows of two pictures.
    #[error(
        "interlaced video ({0}) cannot be scaled, turned or converted as it is; put deinterlace in front of the element"
    )]
    Interlaced(String),
    /// Only the driver knows where the pixels are.
    #[error(
        "{0} is laid out by a modifier, which no backend converts; ask upstream for a linear format"
    )]
    NotLinear(dmabuf_heap::Format),
}

impl Wishes {
    /// Whether only the caps say what is to be done.
    pub(super) fn are_none(&self) -> bool {
        *self == Self::default()
    }

    /// The part of a picture that is left; `None`: nothing.
    fn rest(&self, width: u32, height: u32) -> Option<Rect> {
        let Margins {
            top,
            bottom,
            left,
            right,
        } = self.margins;
        let rest = |whole: u32, before: u32, behind: u32| {
            let rest = whole.checked_sub(before)?.checked_sub(behind)?;
            (rest > 0).then_some(rest)
        };
        Some(Rect::new(
            left,
            top,
            rest(width, left, right)?,
            rest(height, top, bottom)?,
        ))
    }

    /// The size of what goes out, where nothing is scaled.
    pub(super) fn size_of(&self, width: u32, height: u32) -> Option<(u32, u32)> {
        let rest = self.rest(width, height)?;
        Some(if self.orientation.swaps_sides() {
            (rest.height, rest.width)
        } else {
            (rest.width, rest.height)
        })
    }
}

impl Job {
    /// The conversion between these caps.
    ///
    /// # Errors
    ///
    /// Nobody could do it, for a reason in the video itself.
    pub(super) fn new(from: VideoCaps, to: VideoCaps, wishes: Wishes) -> Result<Self, JobError> {
        let (width, height) = (from.info().width(), from.info().height());
        let nothing_left = JobError::NothingLeft {
            margins: wishes.margins,
            width,
            height,
        };
        let rest = wishes.rest(width, height).ok_or(nothing_left)?;
        let all = Rect::new(0, 0, width, height);
        let job = Self {
            orientation: wishes.orientation,
            crop: (rest != all).then_some(rest),
            from,
            to,
        };
        if job.is_nothing() {
            return Ok(job);
        }
        let mode = job.from.info().interlace_mode();
        if mode != VideoInterlaceMode::Progressive {
            return Err(JobError::Interlaced(mode.to_str().to_string()));
        }
        for side in [&job.from, &job.to] {
            if !side.is_linear() {
                return Err(JobError::NotLinear(side.format()));
            }
        }
        Ok(job)
    }

    /// The same on pictures that lie in larger ones.
    pub(super) fn within(&self, window: &Window) -> Option<Self> {
        let Window { whole, part } = *window;
        let crop = self.crop.map_or(part, |crop| Rect {
            x: part.x + crop.x,
            y: part.y + crop.y,
            ..crop
        });
        Some(Self {
            from: self.from.resized(whole.0, whole.1)?,
            crop: Some(crop),
            ..self.clone()
        })
    }

    /// Whether what goes out is what comes in.
    pub(super) fn is_nothing(&self) -> bool {
        let (from, to) = (self.from.info(), self.to.info());
        self.orientation == Orientation::Identity
            && self.crop.is_none()
            && self.from.format() == self.to.format()
            && (from.width(), from.height()) == (to.width(), to.height())
            && self.colors() == self.to_colors()
    }

    /// Whether the size changes by more than cropping and turning.
    pub(super) fn scales(&self) -> bool {
        let (width, height) = (self.from.info().width(), self.from.info().height());
        let rest = self.crop.unwrap_or(Rect::new(0, 0, width, height));
        let size = if self.orientation.swaps_sides() {
            (rest.height, rest.width)
        } else {
            (rest.width, rest.height)
        };
        size != (self.to.info().width(), self.to.info().height())
    }

    /// What metas may be about and still be true of what goes out (`GST_META_TAG_VIDEO_*_STR`).
    pub(super) fn kept_tags(&self) -> &'static [&'static str] {
        let is_moved = self.crop.is_some() || self.orientation != Orientation::Identity;
        let keeps_colors = self.colors() == self.to_colors();
        match (self.scales() || is_moved, keeps_colors) {
            (false, true) => &["video", "size", "orientation", "colorspace"],
            (false, false) => &["video", "size", "orientation"],
            (true, true) => &["video", "colorspace"],
            (true, false) => &["video"],
        }
    }

    /// Matrix and range of what comes in.
    fn colors(&self) -> (VideoColorMatrix, VideoColorRange) {
        colors(&self.from)
    }

    /// Matrix and range of what goes out.
    fn to_colors(&self) -> (VideoColorMatrix, VideoColorRange) {
        colors(&self.to)
    }
}

fn colors(video: &VideoCaps) -> (VideoColorMatrix, VideoColorRange) {
    let colorimetry = video.info().colorimetry();
    (colorimetry.matrix(), colorimetry.range())
}

impl fmt::Display for Job {
    /// As in `NV12 640x480 to YUYV 320x240, turned by 90 degrees`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |video: &VideoCaps| {
            let info = video.info();
            format!("{} {}x{}", video.format(), info.width(), info.height())
        };
        write!(f, "{} to {}", side(&self.from), side(&self.to))?;
        if let Some(crop) = self.crop {
            write!(f, ", the part {crop}")?;
        }
        if self.orientation != Orientation::Identity {
            write!(f, ", {}", self.orientation)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn video(text: &str) -> VideoCaps {
        gst::init().expect("GStreamer");
        let caps: gst::Caps = format!("video/x-raw,framerate=30/1,{text}")
            .parse()
            .expect("caps syntax");
        VideoCaps::parse(&caps).expect("video")
    }

    fn job(from: &str, to: &str, wishes: Wishes) -> Result<Job, JobError> {
        Job::new(video(from), video(to), wishes)
    }

    const NV12: &str = "format=NV12,width=64,height=48";

    #[test]
    fn the_same_picture_is_nothing_to_do() {
        assert!(
            job(NV12, NV12, Wishes::default())
                .expect("a job")
                .is_nothing()
        );
        for other in [
            "format=NV12,width=64,height=32",
            "format=NV21,width=64,height=48",
            "format=NV12,width=64,height=48,colorimetry=bt709",
        ] {
            let job = job(NV12, other, Wishes::default()).expect("a job");
            assert!(!job.is_nothing(), "{other}");
        }
        let turned = Wishes {
            orientation: Orientation::Rotate180,
            ..Wishes::default()
        };
        assert!(!job(NV12, NV12, turned).expect("a job").is_nothing());
    }

    #[test]
    fn cropping_and_turning_is_no_scaling() {
        let wishes = Wishes {
            orientation: Orientation::Rotate90,
            margins: Margins {
                left: 4,
                bottom: 8,
                ..Margins::default()
            },
        };
        assert_eq!(wishes.size_of(64, 48), Some((40, 60)));
        let same = job(NV12, "format=NV12,width=40,height=60", wishes).expect("a job");
        assert!(!same.scales());
        assert_eq!(same.crop, Some(Rect::new(4, 0, 60, 40)));
        let text = same.to_string();
        assert!(
            text.contains("60x40+4+0") && text.contains("90 degrees"),
            "{text}"
        );
        assert!(job(NV12, NV12, wishes).expect("a job").scales());
    }

    #[test]
    fn margins_that_leave_nothing_are_named() {
        let margins = Margins {
            top: 40,
            bottom: 8,
            ..Margins::default()
        };
        let wishes = Wishes {
            margins,
            ..Wishes::default()
        };
        let text = job(NV12, NV12, wishes)
            .expect_err("nothing left")
            .to_string();
        assert!(text.contains("top 40") && text.contains("64x48"), "{text}");
    }

    #[test]
    fn interlaced_video_passes_and_is_not_converted() {
        let interlaced = format!("{NV12},interlace-mode=interleaved");
        assert!(job(&interlaced, &interlaced, Wishes::default()).is_ok());
        let error = job(
            &interlaced,
            "format=NV12,width=32,height=24",
            Wishes::default(),
        );
        assert!(matches!(error, Err(JobError::Interlaced(_))));
    }
}
