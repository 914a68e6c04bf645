//! Pictures that nobody can lay out.
//!
//! A source that is asked for one gives up inside itself, with `not-negotiated` and no reason, before any caps arrive
//! here. The question for caps does arrive, and names the size.

use gst_video::{VideoFormat, VideoInfo};

/// The first picture in `filter` that is beyond GStreamer's sizes, if there is no other choice in it.
pub(super) fn too_large(filter: &gst::CapsRef) -> Option<String> {
    let mut first = None;
    for structure in filter.iter() {
        let text = impossible(structure)?;
        first.get_or_insert(text);
    }
    first
}

fn impossible(structure: &gst::StructureRef) -> Option<String> {
    let side = |name| {
        structure
            .get::<i32>(name)
            .ok()
            .and_then(|side| u32::try_from(side).ok())
    };
    let (width, height) = (side("width")?, side("height")?);
    let format = structure
        .get::<&str>("format")
        .ok()
        .map(VideoFormat::from_string);
    let format = format.filter(|&it| it != VideoFormat::Unknown && it != VideoFormat::DmaDrm);
    // The smallest of all formats: where it does not fit, none does.
    let format = format.unwrap_or(VideoFormat::Gray8);
    let fits = VideoInfo::builder(format, width, height).build().is_ok();
    (!fits).then(|| format!("{width}x{height} in {}", format.to_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(caps: &str) -> Option<String> {
        gst::init().expect("GStreamer");
        too_large(&caps.parse::<gst::Caps>().expect("caps syntax"))
    }

    #[test]
    fn only_a_size_without_an_alternative_is_too_large() {
        let huge = "video/x-raw,format=NV12,width=65536,height=65536";
        assert_eq!(check(huge).as_deref(), Some("65536x65536 in NV12"));
        assert_eq!(
            check(&format!(
                "{huge};video/x-raw,format=NV12,width=64,height=48"
            )),
            None
        );
        assert_eq!(
            check("video/x-raw,format=NV12,width=3840,height=2160"),
            None
        );
        assert_eq!(
            check("video/x-raw,format=NV12,width=[1,65536],height=65536"),
            None
        );
        assert_eq!(check("ANY"), None);
    }

    #[test]
    fn dma_drm_is_judged_by_the_smallest_format() {
        let drm = "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=XR24";
        assert!(check(&format!("{drm},width=65536,height=65536")).is_some());
        assert_eq!(check(&format!("{drm},width=1920,height=1080")), None);
    }
}
