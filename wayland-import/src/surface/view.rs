use dmabuf_heap::{ColorModel, FrameLayout, PixelFormat, YuvColor};

use super::geometry::Geometry;

/// How a picture is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct View {
    pub(super) geometry: Geometry,
    /// `None` for pictures in RGB.
    pub(super) color: Option<YuvColor>,
    /// Whether there is one chroma sample for four of luma, whose place can be told.
    pub(super) has_420_chroma: bool,
    /// Size of the frame in pixels.
    pub(super) frame: (u32, u32),
}

impl View {
    pub(super) fn new(layout: &FrameLayout, geometry: Geometry, color: Option<YuvColor>) -> View {
        let format = PixelFormat::find(layout.fourcc());
        let is_yuv = format.is_some_and(|format| format.color == ColorModel::Yuv);
        let chroma = format
            .filter(|_| is_yuv)
            .and_then(|format| format.planes().get(1));
        let is_420 = chroma.is_some_and(|plane| {
            (plane.horizontal_subsampling, plane.vertical_subsampling) == (2, 2)
        });
        View {
            geometry,
            color: color.filter(|_| is_yuv),
            has_420_chroma: is_420,
            frame: (layout.width(), layout.height()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmabuf_heap::{Fourcc, Orientation, Placement, Rect, YuvEncoding, YuvRange};

    #[test]
    fn colours_are_for_yuv_and_the_place_of_chroma_for_420() {
        let color = YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited);
        for (fourcc, is_yuv, is_420) in [
            (Fourcc::XRGB8888, false, false),
            (Fourcc::YUYV, true, false),
            (Fourcc::NV16, true, false),
            (Fourcc::NV12, true, true),
            (Fourcc::YUV420, true, true),
        ] {
            let layout = FrameLayout::linear(fourcc, 64, 32, 1).unwrap();
            let whole = Rect::new(0, 0, 64, 32);
            let geometry = Geometry::new(
                &Placement::centered(whole, whole),
                Orientation::Identity,
                (64, 32),
                true,
            )
            .unwrap();
            let view = View::new(&layout, geometry, Some(color));
            assert_eq!(
                (view.color.is_some(), view.has_420_chroma),
                (is_yuv, is_420),
                "{fourcc}"
            );
        }
    }
}
