//! The cameras of a machine that has one of each kind, and the words with which tests ask about them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dmabuf_heap::{Allocator, Refusal, Registry, Verdict};
use v4l2_import::Device;

use crate::device;

/// Width and height of a frame.
pub const SIZE: (u32, u32) = (640, 360);

/// The camera that takes scattered memory.
pub const SCATTERED: u32 = 0;
/// The one that wants contiguous memory.
pub const CONTIGUOUS: u32 = 1;
/// The first with the multi-planar interface.
pub const SCATTERED_MULTI: u32 = 2;
/// The second with the multi-planar interface.
pub const CONTIGUOUS_MULTI: u32 = 3;

/// The node of a camera, by what it wants.
#[track_caller]
pub fn camera(instance: u32) -> PathBuf {
    device::video_node(&format!("vivid-{instance:03}-vid-cap"))
}

/// The node of the mem2mem device.
#[track_caller]
pub fn vim2m() -> PathBuf {
    device::video_node("vim2m")
}

/// The device at this node.
#[track_caller]
pub fn open(node: &Path) -> Device {
    Device::open(node).unwrap_or_else(|error| panic!("{error}"))
}

/// Panics unless the verdict is a refusal.
#[track_caller]
pub fn refused(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Panics unless nobody could be asked; why.
#[track_caller]
pub fn unknown(verdict: Verdict) -> String {
    match verdict {
        Verdict::Unknown(why) => why.0,
        other => panic!("{other:?}"),
    }
}

/// Panics unless a text names all of these.
#[track_caller]
pub fn expect_parts(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

/// Scattered memory.
#[track_caller]
pub fn system() -> Arc<dyn Allocator> {
    let registry = Registry::discover();
    registry.find("system").expect("the system heap")
}
