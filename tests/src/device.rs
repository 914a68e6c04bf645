//! Finds video devices and cards by what their drivers say, never by number.

use std::fs;
use std::path::{Path, PathBuf};

/// The V4L2 node whose name in sysfs is `name`, as `vivid-000-vid-cap`.
#[track_caller]
pub fn video_node(name: &str) -> PathBuf {
    let is_named = |sysfs: &Path| {
        fs::read_to_string(sysfs.join("name")).is_ok_and(|found| found.trim() == name)
    };
    let nodes = entries("/sys/class/video4linux");
    let Some(sysfs) = nodes.iter().find(|sysfs| is_named(sysfs)) else {
        panic!("no V4L2 device is called {name}; there are {nodes:?}");
    };
    Path::new("/dev").join(sysfs.file_name().expect("an entry of a directory"))
}

/// The DRM primary nodes with a debugfs name that starts with `driver`, as `vkms`, in the order of their numbers.
pub fn cards(driver: &str) -> Vec<Card> {
    let mut cards: Vec<Card> = entries("/sys/kernel/debug/dri")
        .into_iter()
        .filter_map(|debugfs| {
            let minor: u32 = debugfs.file_name()?.to_str()?.parse().ok()?;
            // Render nodes of the same devices begin here.
            let is_primary = minor < 128;
            let name = fs::read_to_string(debugfs.join("name")).ok()?;
            (is_primary && name.starts_with(driver)).then(|| Card {
                node: format!("/dev/dri/card{minor}").into(),
                debugfs,
            })
        })
        .collect();
    cards.sort();
    cards
}

/// A DRM device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Card {
    /// As `/dev/dri/card0`.
    pub node: PathBuf,
    /// Its directory in debugfs.
    pub debugfs: PathBuf,
}

impl Card {
    /// The ids of all framebuffers of the device, whoever made them.
    pub fn framebuffers(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.debugfs.join("framebuffer"))
            .expect("debugfs lists framebuffers");
        let ids = text
            .lines()
            .filter_map(|line| line.strip_prefix("framebuffer[")?.strip_suffix("]:"));
        ids.map(|id| id.parse().expect("a framebuffer id"))
            .collect()
    }
}

fn entries(directory: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    paths
}
