//! The numbers of a frame that a compositor would end the connection for.

use dmabuf_heap::{Frame, Modifier};

/// Whether a frame can be sent; the error says what is in the way.
pub(super) fn check(frame: &Frame) -> Result<(), &'static str> {
    let layout = frame.layout();
    if layout.width() > i32::MAX as u32 || layout.height() > i32::MAX as u32 {
        return Err("the size is beyond the 31 bits of linux-dmabuf");
    }
    if layout
        .planes()
        .iter()
        .any(|plane| u32::try_from(plane.offset).is_err())
    {
        return Err("an offset is beyond the 32 bits of linux-dmabuf");
    }
    // Compositors check the first plane with the padding of its last row, and of no modifier do they know better.
    let first = layout.planes()[0];
    let padded = u64::from(first.stride) * u64::from(layout.height());
    let is_linear = layout.modifier() == Modifier::LINEAR;
    if is_linear && first.offset.saturating_add(padded) > frame.dmabuf(0).len() {
        return Err(
            "the padding of the last row is beyond the end of its dma-buf, and compositors check for it",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use dmabuf_heap::{DmaBuf, Fourcc, FrameLayout, PlaneLayout};

    #[test]
    fn a_frame_that_ends_with_its_last_pixel_is_not_sent() {
        let plane = |len| PlaneLayout {
            offset: 0,
            stride: 128,
            len,
        };
        let frame = |len: u64| {
            let planes = [plane(len)];
            let layout =
                FrameLayout::with_planes(Fourcc::XRGB8888, Modifier::LINEAR, 16, 4, &planes)
                    .unwrap();
            Frame::new(layout, &[Arc::new(DmaBuf::stand_in(len).unwrap())]).unwrap()
        };
        assert_eq!(check(&frame(128 * 4)), Ok(()));
        assert!(check(&frame(128 * 3 + 64)).is_err());
    }
}
