//! The display of the test bed: the kernel's `vkms` driver.

use crate::device::{self, Card};
use crate::picture::{Picture, Rect};

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

/// What is visible of `picture` on the screen, and the same part of the picture itself: a larger one loses its edges.
pub fn visible(screen: &Picture, picture: &Picture) -> (Picture, Picture) {
    let (width, height) = (picture.width().min(MODE.0), picture.height().min(MODE.1));
    // Chroma of subsampled formats starts at even pixels only.
    let lost = |whole: u32, seen: u32| (whole - seen) / 2 / 2 * 2;
    let (x, y) = (lost(picture.width(), width), lost(picture.height(), height));
    (
        screen.crop(centred(width, height)),
        picture.crop(Rect {
            x,
            y,
            width,
            height,
        }),
    )
}
