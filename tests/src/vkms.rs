//! The display of the test bed: the kernel's `vkms` driver.

use crate::device::{self, Card};
use crate::picture::Rect;

/// The size of the mode that vkms offers first, in pixels.
pub const MODE: (u32, u32) = (1024, 768);

/// The one vkms card of the machine.
#[track_caller]
pub fn card() -> Card {
    let mut cards = device::cards("vkms");
    assert_eq!(
        cards.len(),
        1,
        "this test wants exactly one vkms card: {cards:?}"
    );
    cards.remove(0)
}

/// Where a picture of this size stands on the display when it is centred and not scaled; vkms cannot scale.
pub fn centred(width: u32, height: u32) -> Rect {
    Rect {
        x: (MODE.0 - width) / 2,
        y: (MODE.1 - height) / 2,
        width,
        height,
    }
}
