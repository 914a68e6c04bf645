use dmabuf_heap::YuvColor;
use yuv::{YuvError, YuvPackedImage, YuvRange, YuvStandardMatrix};

use crate::PlaneMut;
use crate::format::{Packing, YuvShape};

use super::lane::Scene;
use super::view::View;

/// From YUYV or UYVY to RGB, without a plane for each component between.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unpack {
    convert: Convert,
    range: YuvRange,
    matrix: YuvStandardMatrix,
}

/// Source, target and its stride, and the colour.
type Convert = fn(
    &YuvPackedImage<'_, u8>,
    &mut [u8],
    u32,
    YuvRange,
    YuvStandardMatrix,
) -> Result<(), YuvError>;

impl Unpack {
    /// None unless whole pairs of pixels stay where they are.
    pub(super) fn new(from: YuvShape, color: YuvColor, to: Packing, scene: &Scene) -> Option<Self> {
        let is_packed = from.luma.step == 2;
        let whole_pairs = scene.crop.x.is_multiple_of(2) && scene.crop.width.is_multiple_of(2);
        if !is_packed || !whole_pairs || !scene.is_upright() || scene.is_scaled() {
            return None;
        }
        let is_luma_first = from.luma.offset == 0;
        let convert: Convert = match (to, is_luma_first) {
            (Packing::Rgb, true) => yuv::yuyv422_to_rgb,
            (Packing::Rgb, false) => yuv::uyvy422_to_rgb,
            (Packing::Bgr, true) => yuv::yuyv422_to_bgr,
            (Packing::Bgr, false) => yuv::uyvy422_to_bgr,
            (Packing::Rgba { .. }, true) => yuv::yuyv422_to_rgba,
            (Packing::Rgba { .. }, false) => yuv::uyvy422_to_rgba,
            (Packing::Bgra { .. }, true) => yuv::yuyv422_to_bgra,
            (Packing::Bgra { .. }, false) => yuv::uyvy422_to_bgra,
            (Packing::Rgb565, _) => return None,
        };
        let (range, matrix) = super::words(color);
        Some(Self {
            convert,
            range,
            matrix,
        })
    }

    pub(super) fn run(&self, lane: View<'_>, to: &mut PlaneMut<'_>) {
        let image = YuvPackedImage {
            yuy: lane.data,
            yuy_stride: super::stride(lane.stride),
            width: lane.width,
            height: lane.height,
        };
        let stride = super::stride(to.stride);
        super::check((self.convert)(
            &image,
            to.data,
            stride,
            self.range,
            self.matrix,
        ));
    }
}
