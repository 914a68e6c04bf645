//! Trials of frames on the planes of a card whose GEM handles can be looked at.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dmabuf_heap::{Allocator, Frame, Importer, Registry, Verdict};
use drm::buffer::{Buffer as _, DrmFourcc};
use drm::control::Device as _;
use drm_import::{Device, Output, Placement, PlaneImporter};

use crate::device;
use crate::scanout::PATIENCE;

/// A card that the test opened itself and shares with drm-import: both see the same GEM handles.
#[derive(Debug)]
pub struct OpenCard {
    node: PathBuf,
    file: File,
}

impl OpenCard {
    /// The first card of this driver, by its name in debugfs.
    #[track_caller]
    pub fn of_driver(driver: &str) -> OpenCard {
        let cards = device::cards(driver);
        let card = cards
            .first()
            .unwrap_or_else(|| panic!("no card of {driver}"));
        let file = File::options().read(true).write(true).open(&card.node);
        OpenCard {
            node: card.node.clone(),
            file: file.unwrap_or_else(|error| panic!("{}: {error}", card.node.display())),
        }
    }

    /// Its node, as `/dev/dri/card0`.
    pub fn node(&self) -> &Path {
        &self.node
    }

    /// The same open file in drm-import.
    #[track_caller]
    pub fn device(&self) -> Arc<Device> {
        let file = self.file.try_clone().expect("dup");
        Device::from_fd(file.into()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The lowest GEM handle that is free: higher than before, if one was left open. The kernel hands out the lowest.
    #[track_caller]
    pub fn free_handle(&self) -> u32 {
        let dumb = self
            .create_dumb_buffer((64, 64), DrmFourcc::Xrgb8888, 32)
            .expect("a dumb buffer");
        let handle = dumb.handle().into();
        self.destroy_dumb_buffer(dumb).expect("it can be destroyed");
        handle
    }
}

impl AsFd for OpenCard {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl drm::Device for OpenCard {}
impl drm::control::Device for OpenCard {}

/// An output on this device.
#[track_caller]
pub fn output_of(device: &Arc<Device>) -> Output {
    Output::builder(device)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The allocators of the machine: the system heap, contiguous memory and udmabuf at least.
#[track_caller]
pub fn registry_allocators() -> Vec<Arc<dyn Allocator>> {
    let allocators = Registry::discover().allocators();
    for name in ["system", "default_cma_region", "udmabuf"] {
        let is_there = allocators.iter().any(|allocator| allocator.name() == name);
        assert!(is_there, "no {name} among {allocators:?}");
    }
    allocators
}

/// What the importer says of a frame; panics unless a real commit then says the same, and the two import it once.
#[track_caller]
pub fn verdict_as_shown(
    importer: &PlaneImporter,
    output: &Output,
    frame: &Frame,
    placement: &Placement,
) -> Verdict {
    let imports = || output.device().import_stats().imports;
    let before = imports();
    let verdict = importer.probe(frame);
    let shown = output.show(frame, placement, Box::new(frame.clone()));
    assert!(output.wait_idle(PATIENCE), "the flip of {frame:?}");
    match (&verdict, &shown) {
        (Verdict::Accepted, Ok(())) => assert_eq!(imports(), before + 1, "{frame:?}"),
        (Verdict::Refused(_), Err(_)) => {}
        _ => panic!("{frame:?}: the probe says {verdict:?}, the commit {shown:?}"),
    }
    verdict
}
