//! Finding a camera: which capture devices there are, and what each can deliver to this display.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use gst::prelude::*;

use super::process::Process;
use super::{display, mode};
use crate::cli::{Size, ViewOptions};

/// A camera that opened, and the caps it shall deliver.
#[derive(Debug)]
pub(super) struct Camera {
    pub(super) node: PathBuf,
    pub(super) caps: gst::Caps,
    /// Whether that must be made into something else on the way.
    pub(super) is_converted: bool,
}

impl Camera {
    /// Of its pictures, in pixels.
    pub(super) fn size(&self) -> Option<Size> {
        let caps = self.caps.structure(0)?;
        Some(Size {
            width: caps.get("width").ok()?,
            height: caps.get("height").ok()?,
        })
    }

    /// The camera that was asked for, or the first whose formats the display takes; if it takes none, the first whose formats
    /// can be made into what it takes.
    pub(super) fn find(options: &ViewOptions, display: &gst::Caps) -> Result<Self> {
        let nodes = match &options.device {
            Some(node) => vec![node.clone()],
            None => capture_nodes(Path::new("/dev")),
        };
        if nodes.is_empty() {
            bail!(
                "no camera: there is no /dev/video* on this machine; connect a camera, \
                 or load its driver (`modprobe vivid` makes a virtual one)"
            );
        }
        let mut others = Vec::new();
        let mut refusals = Vec::new();
        for node in nodes {
            let offered = offered_caps(&node);
            let chosen = match &offered {
                Ok(caps) => mode::choose(caps, display, options),
                Err(error) => Err(anyhow!("{error:#}")),
            };
            match chosen {
                Ok(caps) => return Ok(Self::new(node, caps, false)),
                Err(error) => refusals.push(format!("  {}: {error:#}", node.display())),
            }
            others.extend(offered.ok().map(|caps| (node, caps)));
        }
        // The display is opened once more only where that may help.
        if options.process.is_none() && !others.is_empty() && !display.is_any() {
            let convertible = display::offered_caps(options, Some(&Process::default()))?;
            for (node, caps) in others {
                match mode::choose(&caps, &convertible, options) {
                    Ok(caps) => return Ok(Self::new(node, caps, true)),
                    Err(error) => {
                        refusals.push(format!("  {}, converted: {error:#}", node.display()));
                    }
                }
            }
        }
        bail!("no camera can be used; looked at:\n{}", refusals.join("\n"))
    }

    const fn new(node: PathBuf, caps: gst::Caps, is_converted: bool) -> Self {
        Self {
            node,
            caps,
            is_converted,
        }
    }
}

/// All `video*` nodes in `directory`, by number.
fn capture_nodes(directory: &Path) -> Vec<PathBuf> {
    let mut numbered: Vec<(u32, PathBuf)> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let number = path
                .file_name()?
                .to_str()?
                .strip_prefix("video")?
                .parse()
                .ok()?;
            Some((number, path))
        })
        .collect();
    numbered.sort_unstable();
    numbered.into_iter().map(|(_, path)| path).collect()
}

/// What the device at `node` can deliver.
fn offered_caps(node: &Path) -> Result<gst::Caps> {
    let source = gst::ElementFactory::make("dmaheapv4l2src")
        .property("device", node.to_string_lossy().as_ref())
        .build()?;
    let bus = gst::Bus::new();
    source.set_bus(Some(&bus));
    let opened = source.set_state(gst::State::Ready);
    let caps = source.static_pad("src").map(|pad| pad.query_caps(None));
    source.set_state(gst::State::Null)?;
    source.set_bus(None);
    if opened.is_err() {
        match bus.pop_filtered(&[gst::MessageType::Error]) {
            Some(message) => bail!("{}", super::bus::text(&message)),
            None => bail!("dmaheapv4l2src does not open it"),
        }
    }
    caps.filter(|caps| !caps.is_empty())
        .context("it offers no format")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capture_nodes_come_in_numeric_order_and_alone() {
        let directory = std::env::temp_dir().join(format!("dmaheap-demo-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        for name in ["video10", "video2", "video0", "vbi0", "video", "videox"] {
            fs::write(directory.join(name), "").unwrap();
        }
        let names: Vec<_> = capture_nodes(&directory)
            .iter()
            .map(|node| node.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        fs::remove_dir_all(&directory).unwrap();
        assert_eq!(names, ["video0", "video2", "video10"]);
    }
}
