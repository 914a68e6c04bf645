//! Caps and formats.
//!
//! GStreamer has three ways to say "this video lives in dma-bufs", and elements of different age speak different ones.
//! All three, and nothing else, are understood here:
//!
//! | caps | who | memory |
//! |---|---|---|
//! | `video/x-raw(memory:DMABuf), format=DMA_DRM, drm-format=NV12[:0x…]` | 1.24 and newer | dma-bufs, layout by modifier |
//! | `video/x-raw, format=NV12` | everybody | any; a dma-buf shows only in the memory's type |
//! | `video/x-raw(memory:DMABuf), format=NV12` | before 1.24, vendor elements | dma-bufs, linear |
//!
//! See the GStreamer design document "DMA buffers".

use dmabuf_heap::{Format, FormatSet, Fourcc, FrameSpec, Modifier, PixelFormat};
use gst::prelude::*;
use gst_allocators::CAPS_FEATURE_MEMORY_DMABUF;
use gst_video::{
    VideoCapsBuilder, VideoFormat, VideoFormatFlags, VideoFormatInfo, VideoInfo, VideoInfoDmaDrm,
};

/// Fixed video caps, read once per negotiation.
#[derive(Debug, Clone)]
pub(crate) struct VideoCaps {
    format: Format,
    info: VideoInfo,
}

/// Why caps say nothing that dmaheap can use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CapsError {
    /// Ranges or lists are left.
    #[error("caps {0} are not fixed")]
    NotFixed(gst::Caps),
    /// No `video/x-raw`, a size of 0, or a size that overflows.
    #[error("caps {0} describe no picture that GStreamer can lay out")]
    NotVideo(gst::Caps),
    /// A format that has no DRM fourcc.
    #[error("format {0} has no DRM fourcc, so no device can import it as a dma-buf")]
    NoFourcc(VideoFormat),
}

impl VideoCaps {
    /// Reads fixed caps of any of the three kinds.
    ///
    /// # Errors
    ///
    /// [`CapsError`] names the caps and what is wrong with them.
    pub(crate) fn parse(caps: &gst::CapsRef) -> Result<Self, CapsError> {
        if !caps.is_fixed() {
            return Err(CapsError::NotFixed(caps.to_owned()));
        }
        if gst_video::is_dma_drm_caps(caps) {
            return Self::parse_dma_drm(caps);
        }

        let info = VideoInfo::from_caps(caps)
            .ok()
            .filter(|info| info.width() > 0 && info.height() > 0)
            .ok_or_else(|| CapsError::NotVideo(caps.to_owned()))?;
        let fourcc = gst_video::dma_drm_fourcc_from_format(info.format())
            .map_err(|_err| CapsError::NoFourcc(info.format()))?;
        Ok(Self {
            format: Format {
                fourcc: Fourcc(fourcc),
                modifier: Modifier::LINEAR,
            },
            info,
        })
    }

    /// DRM fourcc and modifier. Plain and legacy caps are always linear.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Size, frame rate and colorimetry. Its format is `DMA_DRM` where GStreamer has no name for the layout.
    pub(crate) fn info(&self) -> &VideoInfo {
        &self.info
    }

    /// The picture, without a word on how it lies in memory. Only devices touch it.
    pub(crate) fn picture(&self) -> FrameSpec {
        FrameSpec {
            modifier: self.format.modifier,
            ..FrameSpec::new(self.format.fourcc, self.info.width(), self.info.height())
        }
    }

    /// The same in another size; `None` where GStreamer cannot lay that out.
    pub(crate) fn resized(&self, width: u32, height: u32) -> Option<Self> {
        let info = VideoInfo::builder(self.info.format(), width, height)
            .fps(self.info.fps())
            .par(self.info.par())
            .interlace_mode(self.info.interlace_mode())
            .colorimetry(&self.info.colorimetry())
            .chroma_site(self.info.chroma_site());
        Some(Self {
            format: self.format,
            info: info.build().ok()?,
        })
    }

    /// Whether a CPU can read the pixels row by row.
    pub(crate) fn is_linear(&self) -> bool {
        self.format.modifier == Modifier::LINEAR && self.info.format() != VideoFormat::DmaDrm
    }

    fn parse_dma_drm(caps: &gst::CapsRef) -> Result<Self, CapsError> {
        let drm = VideoInfoDmaDrm::from_caps(caps)
            .ok()
            .filter(|drm| drm.width() > 0 && drm.height() > 0)
            .ok_or_else(|| CapsError::NotVideo(caps.to_owned()))?;
        Ok(Self {
            format: Format {
                fourcc: Fourcc(drm.fourcc()),
                modifier: Modifier(drm.modifier()),
            },
            info: (*drm).clone(),
        })
    }
}

/// Caps for a set of formats: `DMA_DRM` first, then plain raw, then the legacy form.
///
/// Implicit modifiers have no caps and are left out; only linear formats have a plain form.
pub(crate) fn caps_for(formats: &FormatSet) -> gst::Caps {
    let drm_formats = formats.iter().filter_map(drm_format_string);
    let raw_formats: Vec<VideoFormat> = formats
        .iter()
        .filter(|format| format.modifier == Modifier::LINEAR)
        .filter_map(|format| video_format(format.fourcc))
        .collect();

    let drm_formats: Vec<_> = drm_formats.map(|name| name.to_send_value()).collect();
    let mut caps = gst::Caps::new_empty();
    let all = caps.make_mut();
    if !drm_formats.is_empty() {
        all.append(
            dma_drm_caps()
                .field("drm-format", gst::List::from_values(drm_formats))
                .build(),
        );
    }
    append_raw(all, &raw_formats);
    caps
}

/// The caps of an element that takes every format of the pixel-format table, and every modifier in foreign dma-bufs.
pub(crate) fn template_caps() -> gst::Caps {
    let raw_formats: Vec<VideoFormat> = PixelFormat::all()
        .iter()
        .filter_map(|format| video_format(format.fourcc))
        .collect();
    let mut caps = dma_drm_caps().build();
    append_raw(caps.make_mut(), &raw_formats);
    caps
}

/// The pads of a filter that takes and gives [those](template_caps).
pub(crate) fn filter_templates() -> Vec<gst::PadTemplate> {
    let caps = template_caps();
    let pads = [
        ("sink", gst::PadDirection::Sink),
        ("src", gst::PadDirection::Src),
    ];
    pads.into_iter()
        .filter_map(|(name, direction)| {
            gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
        })
        .collect()
}

/// GStreamer's name for a linear DRM format. Its names for tiled ones are no linear formats.
pub(crate) fn video_format(fourcc: Fourcc) -> Option<VideoFormat> {
    let format = gst_video::dma_drm_fourcc_to_format(fourcc.0).ok()?;
    let tiled = VideoFormatInfo::from_format(format)
        .flags()
        .contains(VideoFormatFlags::TILED);
    (!tiled).then_some(format)
}

fn drm_format_string(format: Format) -> Option<String> {
    (format.modifier != Modifier::INVALID).then(|| {
        gst_video::dma_drm_fourcc_to_string(format.fourcc.0, format.modifier.0).to_string()
    })
}

fn dma_drm_caps() -> VideoCapsBuilder<gst::caps::HasFeatures> {
    VideoCapsBuilder::new()
        .features([CAPS_FEATURE_MEMORY_DMABUF])
        .format(VideoFormat::DmaDrm)
}

fn append_raw(caps: &mut gst::CapsRef, formats: &[VideoFormat]) {
    if formats.is_empty() {
        return;
    }
    let formats = formats.iter().copied();
    caps.append(VideoCapsBuilder::new().format_list(formats.clone()).build());
    caps.append(
        VideoCapsBuilder::new()
            .features([CAPS_FEATURE_MEMORY_DMABUF])
            .format_list(formats)
            .build(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<VideoCaps, CapsError> {
        gst::init().expect("GStreamer");
        VideoCaps::parse(&text.parse::<gst::Caps>().expect("caps syntax"))
    }

    #[test]
    fn all_three_ways_of_saying_nv12_are_the_same_format() {
        let linear = Format {
            fourcc: Fourcc::NV12,
            modifier: Modifier::LINEAR,
        };
        for text in [
            "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12,width=64,height=48,framerate=30/1",
            "video/x-raw,format=NV12,width=64,height=48,framerate=30/1",
            "video/x-raw(memory:DMABuf),format=NV12,width=64,height=48,framerate=30/1",
        ] {
            let caps = parse(text).expect(text);
            assert_eq!(caps.format(), linear, "{text}");
            assert_eq!(
                (caps.info().width(), caps.info().height()),
                (64, 48),
                "{text}"
            );
            assert!(caps.is_linear(), "{text}");
        }
    }

    #[test]
    fn gstreamer_names_become_drm_fourccs() {
        for (name, fourcc) in [
            ("BGRx", Fourcc::XRGB8888),
            ("RGB16", Fourcc::RGB565),
            ("I420", Fourcc::YUV420),
            ("YUY2", Fourcc::YUYV),
        ] {
            let caps = parse(&format!(
                "video/x-raw,format={name},width=64,height=48,framerate=0/1"
            ))
            .expect(name);
            assert_eq!(caps.format().fourcc, fourcc, "{name}");
        }
    }

    #[test]
    fn a_tiled_modifier_survives_and_is_not_linear() {
        let caps = parse(
            "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12:0x0100000000000002,width=64,height=48,framerate=30/1",
        )
        .expect("tiled caps");
        assert_eq!(caps.format().modifier, Modifier(0x0100_0000_0000_0002));
        assert!(!caps.is_linear());
    }

    #[test]
    fn caps_without_a_picture_are_refused_with_a_reason() {
        assert!(matches!(
            parse("video/x-raw,format=NV12,width=[1,64],height=48"),
            Err(CapsError::NotFixed(_))
        ));
        assert!(matches!(
            parse("video/x-raw,format=NV12,width=0,height=0,framerate=0/1"),
            Err(CapsError::NotVideo(_))
        ));
        assert!(matches!(
            parse("video/x-raw,format=NV12,width=65536,height=65536,framerate=0/1"),
            Err(CapsError::NotVideo(_))
        ));
        assert!(matches!(
            parse("video/x-raw,format=GRAY10_LE32,width=64,height=48,framerate=0/1"),
            Err(CapsError::NoFourcc(VideoFormat::Gray10Le32))
        ));
    }

    #[test]
    fn a_format_set_lists_dma_drm_first_and_tiled_formats_only_there() {
        gst::init().expect("GStreamer");
        let formats: FormatSet = [
            Format {
                fourcc: Fourcc::NV12,
                modifier: Modifier::LINEAR,
            },
            Format {
                fourcc: Fourcc::XRGB8888,
                modifier: Modifier(0x0100_0000_0000_0002),
            },
            Format {
                fourcc: Fourcc::RGB565,
                modifier: Modifier::INVALID,
            },
        ]
        .into_iter()
        .collect();
        let caps = caps_for(&formats);
        assert_eq!(caps.size(), 3);
        let drm = caps.structure(0).expect("DMA_DRM");
        assert_eq!(drm.get::<&str>("format").ok(), Some("DMA_DRM"));
        let text = caps.to_string();
        assert!(text.contains("XR24:0x0100000000000002"), "{text}");
        assert!(!text.contains("BGRx") && !text.contains("RG16"), "{text}");
        assert!(
            caps.structure(1)
                .is_some_and(|raw| raw.get::<gst::List>("format").is_ok()
                    || raw.get::<&str>("format") == Ok("NV12"))
        );
    }

    #[test]
    fn the_template_takes_what_it_says() {
        gst::init().expect("GStreamer");
        let template = template_caps();
        for text in [
            "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12:0x0100000000000002,width=64,height=48,framerate=30/1",
            "video/x-raw,format=BGRx,width=64,height=48,framerate=30/1",
            "video/x-raw(memory:DMABuf),format=NV12,width=64,height=48,framerate=30/1",
        ] {
            let caps: gst::Caps = text.parse().expect("caps syntax");
            assert!(caps.is_subset(&template), "{text}");
        }
    }
}
