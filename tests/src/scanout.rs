//! drm-import on vkms, with the defaults of a test: small frames with four quadrants in the middle of the screen.

use std::fs;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use dmabuf_heap::{Allocator, Fourcc, Frame, LayoutRequest, Registry};
use drm_import::{Device, Output, Placement, Rect, YuvColor, YuvEncoding, YuvRange};

use crate::device::Card;
use crate::pattern::{draw_quadrants, picture_of};
use crate::picture::Picture;
use crate::vkms;

/// Width and height of a frame.
pub const SIZE: (u32, u32) = (320, 240);
/// All of a frame.
pub const WHOLE: Rect = Rect::new(0, 0, SIZE.0, SIZE.1);
/// All of the display.
pub const SCREEN: Rect = Rect::new(0, 0, vkms::MODE.0, vkms::MODE.1);
/// The colours that the quadrants are drawn in.
pub const BT601: YuvColor = YuvColor::new(YuvEncoding::Bt601, YuvRange::Limited);
/// How long anything may take on a busy emulated machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A frame's keep that sends its number when it is dropped.
#[derive(Debug)]
pub struct Returned(pub usize, pub mpsc::Sender<usize>);

impl Drop for Returned {
    fn drop(&mut self) {
        // The receiver may be gone when the test has ended.
        let _ended = self.1.send(self.0);
    }
}

/// An output on the vkms card.
#[track_caller]
pub fn output() -> Output {
    let device = Device::open_driver("vkms").unwrap_or_else(|error| panic!("{error}"));
    Output::builder(&device)
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The system heap.
#[track_caller]
pub fn system() -> Arc<dyn Allocator> {
    Registry::discover()
        .find("system")
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A frame of `heap` with the quadrants in it.
#[track_caller]
pub fn frame(heap: &dyn Allocator, fourcc: Fourcc) -> Frame {
    let request = LayoutRequest::new(fourcc, SIZE.0, SIZE.1);
    let frame = heap
        .allocate(&request)
        .unwrap_or_else(|error| panic!("{error}"));
    draw_quadrants(&frame);
    frame
}

/// In the middle, unscaled.
pub fn centred() -> Placement {
    Placement::centered(WHOLE, SCREEN).with_color(BT601)
}

/// Shows a frame in the middle; nothing is kept.
#[track_caller]
pub fn show(output: &Output, frame: &Frame) {
    output
        .show(frame, &centred(), Box::new(()))
        .unwrap_or_else(|error| panic!("{error}"));
}

/// What the display shows.
#[track_caller]
pub fn screen(output: &Output, heap: &dyn Allocator) -> Picture {
    picture_of(
        &output
            .snapshot(heap)
            .unwrap_or_else(|error| panic!("{error}")),
    )
}

/// What the kernel says of the one vkms card: see [`state_of`].
#[track_caller]
pub fn display_state() -> String {
    state_of(&vkms::card())
}

/// The kernel's own description of planes, CRTCs and connectors, which names framebuffers by their ids. Without the
/// counts of references, which fall only when a worker of the kernel has cleaned up.
#[track_caller]
pub fn state_of(card: &Card) -> String {
    let path = card.debugfs.join("state");
    let state = fs::read_to_string(path).expect("debugfs shows the atomic state");
    let lasts = |line: &&str| !line.contains("refcount=") && !line.contains("_count=");
    state
        .lines()
        .filter(lasts)
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// A plane of the card that is not `primary`; vkms makes overlays right after it.
#[track_caller]
pub fn overlay_beside(primary: u32) -> u32 {
    let state = display_state();
    let planes = state
        .lines()
        .filter_map(|line| line.strip_prefix("plane[")?.split_once(']')?.0.parse().ok());
    planes
        .into_iter()
        .find(|&id: &u32| id > primary)
        .expect("vkms has overlays")
}

/// What the kernel says of one plane.
#[track_caller]
pub fn plane_state(id: u32) -> String {
    let state = display_state();
    let start = state
        .find(&format!("plane[{id}]"))
        .expect("the plane exists");
    let rest = &state[start..];
    let end = rest[1..].find("\nplane[").map_or(rest.len(), |end| end + 1);
    rest[..end].to_owned()
}
