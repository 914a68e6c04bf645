//! What negotiated caps mean to a display.

use std::sync::{Arc, OnceLock};

use dmabuf_heap::{ChromaSiting, Orientation, Placement, Rect, YuvColor, YuvEncoding, YuvRange};
use gst_video::{VideoChromaSite, VideoColorMatrix, VideoColorRange, VideoInfo};

use crate::caps::VideoCaps;

/// The frames between two CAPS events.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) caps: gst::Caps,
    pub(super) video: VideoCaps,
    color: Option<YuvColor>,
    /// Whether the display scales these frames, found out with the first one.
    scales: OnceLock<bool>,
    /// Why copies of these frames have to be made in memory of the display's own, once that is known.
    pub(super) own_copies: OnceLock<Arc<str>>,
}

impl Stream {
    /// Frames of these caps.
    pub(super) fn new(caps: gst::Caps, video: VideoCaps) -> Self {
        Self {
            color: yuv_color(video.info()),
            caps,
            video,
            scales: OnceLock::new(),
            own_copies: OnceLock::new(),
        }
    }

    /// Where the part `visible` of a frame, turned as told, goes on `screen`. `scales` is asked, once, whether the display
    /// can do a placement that changes the size.
    pub(super) fn place(
        &self,
        (visible, orientation): (Rect, Orientation),
        screen: Rect,
        force_aspect_ratio: bool,
        scales: impl FnOnce(&Placement) -> bool,
    ) -> Placement {
        let wanted = if force_aspect_ratio {
            orientation.fitted(visible, self.pixel_aspect(), screen)
        } else {
            Placement {
                source: visible,
                dest: screen,
                color: None,
            }
        };
        let wanted = Placement {
            color: self.color,
            ..wanted
        };
        let same_size = orientation.turned((wanted.source.width, wanted.source.height))
            == (wanted.dest.width, wanted.dest.height);
        if same_size || *self.scales.get_or_init(|| scales(&wanted)) {
            wanted
        } else {
            Placement {
                color: self.color,
                ..Placement::centered(visible, screen)
            }
        }
    }

    fn pixel_aspect(&self) -> (u32, u32) {
        let aspect = self.video.info().par();
        (
            u32::try_from(aspect.numer()).unwrap_or(1),
            u32::try_from(aspect.denom()).unwrap_or(1),
        )
    }
}

/// The colours of a YUV format; `None` leaves them to the display.
pub(crate) fn yuv_color(info: &VideoInfo) -> Option<YuvColor> {
    if !info.is_yuv() {
        return None;
    }
    let colorimetry = info.colorimetry();
    let encoding = match colorimetry.matrix() {
        VideoColorMatrix::Bt601 | VideoColorMatrix::Fcc => YuvEncoding::Bt601,
        VideoColorMatrix::Bt709 | VideoColorMatrix::Smpte240m => YuvEncoding::Bt709,
        VideoColorMatrix::Bt2020 => YuvEncoding::Bt2020,
        _ => return None,
    };
    let range = match colorimetry.range() {
        VideoColorRange::Range0_255 => YuvRange::Full,
        _ => YuvRange::Limited,
    };
    let color = YuvColor::new(encoding, range);
    Some(siting(info).map_or(color, |siting| color.sited(siting)))
}

/// Where the chroma of a 4:2:0 format lies. Caps that do not say it mean what GStreamer assumes for their size.
fn siting(info: &VideoInfo) -> Option<ChromaSiting> {
    let is_420 = info.format_info().w_sub().get(1) == Some(&1)
        && info.format_info().h_sub().get(1) == Some(&1);
    let site = info.chroma_site();
    if !is_420 || site.contains(VideoChromaSite::ALT_LINE) {
        return None;
    }
    let (left, top) = (
        site.contains(VideoChromaSite::H_COSITED),
        site.contains(VideoChromaSite::V_COSITED),
    );
    match (left, top) {
        (true, true) => Some(ChromaSiting::TopLeft),
        (true, false) => Some(ChromaSiting::Left),
        (false, true) => Some(ChromaSiting::Top),
        (false, false) => site
            .contains(VideoChromaSite::NONE)
            .then_some(ChromaSiting::Center),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Rect = Rect::new(0, 0, 1024, 768);
    const UPRIGHT: (Rect, Orientation) = (Rect::new(0, 0, 640, 360), Orientation::Identity);

    fn stream(caps: &str) -> Stream {
        gst::init().expect("GStreamer initialises");
        let caps: gst::Caps = caps.parse().expect("caps of the test are well-formed");
        let video = VideoCaps::parse(&caps).expect("caps are video");
        Stream::new(caps, video)
    }

    #[test]
    fn colorimetry_reaches_the_display() {
        let color = |colorimetry: &str| {
            let caps = format!(
                "video/x-raw, format=NV12, width=640, height=480, colorimetry={colorimetry}"
            );
            stream(&caps).color.map(|it| (it.encoding, it.range))
        };
        assert_eq!(
            color("bt601"),
            Some((YuvEncoding::Bt601, YuvRange::Limited))
        );
        assert_eq!(
            color("bt709"),
            Some((YuvEncoding::Bt709, YuvRange::Limited))
        );
        assert_eq!(color("1:3:5:1"), Some((YuvEncoding::Bt709, YuvRange::Full)));
        assert_eq!(
            stream("video/x-raw, format=BGRx, width=640, height=480").color,
            None
        );
    }

    #[test]
    fn chroma_siting_reaches_the_display() {
        let siting = |rest: &str| {
            let caps = format!("video/x-raw, width=640, height=480, colorimetry=bt601, {rest}");
            stream(&caps).color.and_then(|color| color.siting)
        };
        for (site, expected) in [
            ("mpeg2", Some(ChromaSiting::Left)),
            ("jpeg", Some(ChromaSiting::Center)),
            ("cosited", Some(ChromaSiting::TopLeft)),
            ("v-cosited", Some(ChromaSiting::Top)),
        ] {
            let caps = format!("format=NV12, chroma-site={site}");
            assert_eq!(siting(&caps), expected, "{site}");
        }
        // GStreamer's own default for pictures of this size.
        assert_eq!(siting("format=NV12"), Some(ChromaSiting::Center));
        assert_eq!(siting("format=YUY2, chroma-site=mpeg2"), None);
    }

    #[test]
    fn display_that_scales_fills_the_screen_in_shape() {
        let stream = stream("video/x-raw, format=BGRx, width=640, height=360");
        let placement = stream.place(UPRIGHT, SCREEN, true, |_| true);
        assert_eq!(placement.dest, Rect::new(0, 96, 1024, 576));
        let placement = stream.place(UPRIGHT, SCREEN, false, |_| true);
        assert_eq!(placement.dest, SCREEN);
    }

    #[test]
    fn a_turned_picture_fills_the_screen_in_its_turned_shape() {
        let stream = stream("video/x-raw, format=BGRx, width=640, height=360");
        let turned = (UPRIGHT.0, Orientation::Rotate90);
        let placement = stream.place(turned, SCREEN, true, |_| true);
        assert_eq!(placement.dest, Rect::new(296, 0, 432, 768));
        assert_eq!(placement.source, UPRIGHT.0);
    }

    #[test]
    fn display_that_cannot_scale_is_asked_once_and_centres() {
        let stream = stream("video/x-raw, format=BGRx, width=640, height=360");
        let mut asked = 0;
        for _ in 0..3 {
            let placement = stream.place(UPRIGHT, SCREEN, true, |_| {
                asked += 1;
                false
            });
            assert_eq!(placement.dest, Rect::new(192, 204, 640, 360));
        }
        assert_eq!(asked, 1);
    }
}
