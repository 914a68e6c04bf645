//! Which of a camera's formats, sizes and rates to ask for.

use crate::cli::{Size, ViewOptions};
use anyhow::{Context, Result, bail};

const PREFERRED_FORMAT: &str = "NV12";
const PREFERRED_SIZE: Size = Size {
    width: 1280,
    height: 720,
};

/// The caps to set between a camera that offers `camera` and a display that takes `display`.
///
/// What the options name is binding; the rest is a preference and gives way when the two ends
/// cannot meet on it.
pub(super) fn choose(
    camera: &gst::Caps,
    display: &gst::Caps,
    options: &ViewOptions,
) -> Result<gst::Caps> {
    let common = camera.intersect_with_mode(display, gst::CapsIntersectMode::First);
    let plain: gst::Caps = common
        .iter_with_features()
        .filter(|(structure, features)| {
            structure.name() == "video/x-raw" && features.contains("memory:SystemMemory")
        })
        .map(|(structure, features)| (structure.to_owned(), features.to_owned()))
        .collect();
    if plain.is_empty() {
        bail!("the display takes none of its formats: {}", summary(camera));
    }
    let mut wanted = gst::Caps::builder("video/x-raw");
    if let Some(format) = &options.format {
        wanted = wanted.field("format", format);
    }
    if let Some(Size { width, height }) = options.size {
        wanted = wanted.field("width", width).field("height", height);
    }
    if let Some(rate) = options.fps {
        wanted = wanted.field("framerate", rate);
    }
    let wanted = wanted.build();
    let possible = plain.intersect(&wanted);
    if possible.is_empty() {
        bail!(
            "it and the display do not meet on {wanted}; they could on {}",
            summary(&plain)
        );
    }
    preferred(&possible, options.fps)
}

/// Fixed but for the rate: a camera knows best how fast it is, and `fixate` would take the slowest.
fn preferred(possible: &gst::Caps, rate: Option<gst::Fraction>) -> Result<gst::Caps> {
    let format = gst::Caps::builder("video/x-raw")
        .field("format", PREFERRED_FORMAT)
        .build();
    let size = gst::Caps::builder("video/x-raw")
        .field("width", PREFERRED_SIZE.width)
        .field("height", PREFERRED_SIZE.height)
        .build();
    let mut caps = possible.clone();
    for preference in [format, size] {
        let narrowed = caps.intersect(&preference);
        if !narrowed.is_empty() {
            caps = narrowed;
        }
    }
    caps.truncate();
    let mut fixed = caps;
    fixed.fixate();
    let structure = fixed.structure(0).context("no format is left")?;
    let mut chosen = gst::Caps::builder("video/x-raw");
    for field in ["format", "width", "height"] {
        chosen = chosen.field(field, structure.value(field)?.clone());
    }
    Ok(chosen.field_if_some("framerate", rate).build())
}

/// The names of the formats in `caps`, each once: those of pixels, or the media types of what is compressed.
fn summary(caps: &gst::Caps) -> String {
    let mut formats: Vec<String> = Vec::new();
    for structure in caps.iter() {
        let mut add = |name: &str| {
            if !formats.iter().any(|known| known == name) {
                formats.push(name.to_owned());
            }
        };
        if structure.name() != "video/x-raw" {
            add(structure.name());
        } else if let Ok(name) = structure.get::<&str>("format") {
            add(name);
        } else if let Ok(list) = structure.get::<gst::List>("format") {
            list.iter()
                .filter_map(|value| value.get::<&str>().ok())
                .for_each(&mut add);
        }
    }
    formats.retain(|name| name != "DMA_DRM");
    formats.join(", ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn options(arguments: &[&str]) -> ViewOptions {
        let words = ["dmaheap-demo", "view"].iter().chain(arguments);
        let Command::View(options) = Cli::parse_from(words).command else {
            panic!("these are the words of view");
        };
        *options
    }

    fn caps(text: &str) -> gst::Caps {
        gst::init().unwrap();
        text.parse().unwrap()
    }

    const CAMERA: &str = "video/x-raw,format=YUY2,width={640,1280},height={480,720},framerate=30/1;\
                          video/x-raw,format=NV12,width={640,1280},height={480,720},framerate=[1/1,60/1]";
    const DISPLAY: &str = "video/x-raw,format={BGRx,NV12,YUY2},width=[1,4096],height=[1,4096]";

    #[test]
    fn nv12_at_720p_is_preferred() {
        let chosen = choose(&caps(CAMERA), &caps(DISPLAY), &options(&[])).unwrap();
        let structure = chosen.structure(0).unwrap();
        assert_eq!(structure.get::<&str>("format").unwrap(), "NV12");
        assert_eq!(structure.get::<i32>("width").unwrap(), 1280);
        assert_eq!(structure.get::<i32>("height").unwrap(), 720);
    }

    #[test]
    fn the_rate_is_the_cameras_choice_unless_it_is_named() {
        let free = choose(&caps(CAMERA), &caps(DISPLAY), &options(&[])).unwrap();
        assert!(!free.structure(0).unwrap().has_field("framerate"));
        let named = choose(&caps(CAMERA), &caps(DISPLAY), &options(&["--fps", "25"])).unwrap();
        let rate = named
            .structure(0)
            .unwrap()
            .get::<gst::Fraction>("framerate")
            .unwrap();
        assert_eq!(rate, gst::Fraction::new(25, 1));
    }

    #[test]
    fn what_the_options_name_is_binding() {
        let asked = options(&["--format", "YUY2", "--size", "640x480", "--fps", "30"]);
        let chosen = choose(&caps(CAMERA), &caps(DISPLAY), &asked).unwrap();
        let structure = chosen.structure(0).unwrap();
        assert_eq!(structure.get::<&str>("format").unwrap(), "YUY2");
        assert_eq!(structure.get::<i32>("width").unwrap(), 640);
    }

    #[test]
    fn a_size_nobody_has_is_refused_with_what_there_is() {
        let asked = options(&["--size", "123x45"]);
        let error = choose(&caps(CAMERA), &caps(DISPLAY), &asked)
            .unwrap_err()
            .to_string();
        assert!(error.contains("123") && error.contains("NV12"), "{error}");
    }

    #[test]
    fn a_display_with_other_formats_is_named_as_the_reason() {
        let display = caps("video/x-raw,format=RGB16,width=[1,4096],height=[1,4096]");
        let error = choose(&caps(CAMERA), &display, &options(&[]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("display") && error.ends_with("YUY2, NV12"),
            "{error}"
        );
        let camera = caps("image/jpeg,width=640,height=480");
        let error = choose(&camera, &display, &options(&[])).unwrap_err();
        assert!(error.to_string().ends_with("image/jpeg"), "{error}");
    }
}
