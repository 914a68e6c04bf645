//! Further vkms cards, made through configfs and taken away again.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::device::{self, Card};

const CONFIGFS: &str = "/sys/kernel/config/vkms";
const PRIMARY: &str = "1";

/// A vkms card with one CRTC, writeback and primary plane for each of its displays. Dropped, it is
/// taken away; no file of it may be open then, vkms does not survive that.
///
/// Attributes: `Documentation/gpu/vkms.rst`.
#[derive(Debug)]
pub struct VkmsCard {
    directory: PathBuf,
    card: Card,
    displays: usize,
}

impl VkmsCard {
    /// Makes a card called `name` with this many connected displays.
    #[track_caller]
    pub fn create(name: &str, displays: usize) -> VkmsCard {
        let directory = Path::new(CONFIGFS).join(name);
        let before = device::cards("vkms");
        fs::create_dir(&directory).expect("vkms is configurable");
        for number in 0..displays {
            make_display(&directory, number);
        }
        write(&directory.join("enabled"), "1");
        let mut cards = device::cards("vkms");
        cards.retain(|card| !before.contains(card));
        assert_eq!(cards.len(), 1, "one new card: {cards:?}");
        VkmsCard {
            directory,
            card: cards.remove(0),
            displays,
        }
    }

    /// Its node and debugfs directory.
    pub fn card(&self) -> &Card {
        &self.card
    }
}

impl Drop for VkmsCard {
    fn drop(&mut self) {
        let enabled = self.directory.join("enabled");
        remove(fs::write(&enabled, "0"), &enabled);
        for number in 0..self.displays {
            remove_display(&self.directory, number);
        }
        remove(fs::remove_dir(&self.directory), &self.directory);
    }
}

/// The links of one display: who may feed whom.
fn links(directory: &Path, number: usize) -> [(PathBuf, PathBuf); 3] {
    let of = |kind: &str| directory.join(kind).join(number.to_string());
    let (crtc, encoder) = (of("crtcs"), of("encoders"));
    let name = number.to_string();
    [
        (
            crtc.clone(),
            of("planes").join("possible_crtcs").join(&name),
        ),
        (crtc, encoder.join("possible_crtcs").join(&name)),
        (
            encoder,
            of("connectors").join("possible_encoders").join(&name),
        ),
    ]
}

#[track_caller]
fn make_display(directory: &Path, number: usize) {
    for kind in ["planes", "crtcs", "encoders", "connectors"] {
        let item = directory.join(kind).join(number.to_string());
        fs::create_dir(&item).unwrap_or_else(|error| panic!("{}: {error}", item.display()));
    }
    write(&directory.join(format!("planes/{number}/type")), PRIMARY);
    write(&directory.join(format!("crtcs/{number}/writeback")), "1");
    for (target, link) in links(directory, number) {
        symlink(&target, &link).unwrap_or_else(|error| panic!("{}: {error}", link.display()));
    }
}

fn remove_display(directory: &Path, number: usize) {
    for (_, link) in links(directory, number) {
        remove(fs::remove_file(&link), &link);
    }
    for kind in ["planes", "crtcs", "encoders", "connectors"] {
        let item = directory.join(kind).join(number.to_string());
        remove(fs::remove_dir(&item), &item);
    }
}

#[track_caller]
fn write(path: &Path, value: &str) {
    fs::write(path, value).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Drop must not panic while a test fails already.
fn remove(result: std::io::Result<()>, path: &Path) {
    if let Err(error) = result {
        assert!(
            std::thread::panicking(),
            "{} stays: {error}",
            path.display()
        );
    }
}
