use yuv::YuvError;

use crate::PlaneMut;
use crate::format::Packing;

use super::view::View;

/// From one order of red, green and blue to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shuffle {
    /// None where bytes keep their order.
    convert: Option<Convert>,
    to: Packing,
    /// Where blue and red lie in a pixel of the lane.
    blue_first: bool,
    /// The source has no alpha, the target has.
    makes_opaque: bool,
}

/// Source and its stride, target and its stride, width, height.
type Convert = fn(&[u8], u32, &mut [u8], u32, u32, u32) -> Result<(), YuvError>;

impl Shuffle {
    pub(super) fn new(from: Packing, to: Packing) -> Self {
        let from = from.fetched();
        let convert: Option<Convert> = match (from, to) {
            (Packing::Rgb, Packing::Bgr) => Some(yuv::rgb_to_bgr),
            (Packing::Rgb, Packing::Rgba { .. }) => Some(yuv::rgb_to_rgba),
            (Packing::Rgb, Packing::Bgra { .. }) => Some(yuv::rgb_to_bgra),
            (Packing::Bgr, Packing::Rgb) => Some(yuv::bgr_to_rgb),
            (Packing::Bgr, Packing::Rgba { .. }) => Some(yuv::bgr_to_rgba),
            (Packing::Bgr, Packing::Bgra { .. }) => Some(yuv::bgr_to_bgra),
            (Packing::Rgba { .. }, Packing::Rgb) => Some(yuv::rgba_to_rgb),
            (Packing::Rgba { .. }, Packing::Bgr) => Some(yuv::rgba_to_bgr),
            (Packing::Rgba { .. }, Packing::Bgra { .. }) => Some(yuv::rgba_to_bgra),
            (Packing::Bgra { .. }, Packing::Rgb) => Some(yuv::bgra_to_rgb),
            (Packing::Bgra { .. }, Packing::Bgr) => Some(yuv::bgra_to_bgr),
            (Packing::Bgra { .. }, Packing::Rgba { .. }) => Some(yuv::bgra_to_rgba),
            _ => None,
        };
        Self {
            convert,
            to,
            blue_first: matches!(from, Packing::Bgr | Packing::Bgra { .. }),
            makes_opaque: from.lacks_alpha() && to.has_alpha(),
        }
    }

    pub(super) fn run(&self, lane: View<'_>, to: &mut PlaneMut<'_>) {
        let stride = to.stride;
        if self.to == Packing::Rgb565 {
            for (from, to) in lane.rows().zip(to.data.chunks_mut(stride)) {
                pack_565(from, lane.size, self.blue_first, to);
            }
            return;
        }
        if let Some(convert) = self.convert {
            let strides = [lane.stride, stride].map(super::stride);
            let result = convert(
                lane.data,
                strides[0],
                to.data,
                strides[1],
                lane.width,
                lane.height,
            );
            super::check(result);
        } else {
            for (from, to) in lane.rows().zip(to.data.chunks_mut(stride)) {
                to[..from.len()].copy_from_slice(from);
            }
        }
        if self.makes_opaque {
            let row_bytes = lane.width as usize * 4;
            for row in to.data.chunks_mut(stride).take(lane.height as usize) {
                for pixel in row[..row_bytes].as_chunks_mut::<4>().0 {
                    pixel[3] = 0xff;
                }
            }
        }
    }
}

impl Packing {
    pub(super) const fn has_alpha(self) -> bool {
        matches!(
            self,
            Self::Rgba { has_alpha: true } | Self::Bgra { has_alpha: true }
        )
    }

    /// Whether pixels have a fourth byte that means nothing.
    const fn lacks_alpha(self) -> bool {
        matches!(
            self,
            Self::Rgba { has_alpha: false } | Self::Bgra { has_alpha: false }
        )
    }
}

/// Pixels of `size` bytes, three colours first, to 16 bits: five, six and five, rounded.
pub(super) fn pack_565(from: &[u8], size: usize, blue_first: bool, to: &mut [u8]) {
    let (pixels, _) = to.as_chunks_mut::<2>();
    for (pixel, to) in from.chunks_exact(size).zip(pixels) {
        let (red, blue) = if blue_first {
            (pixel[2], pixel[0])
        } else {
            (pixel[0], pixel[2])
        };
        let [red, blue] = [red, blue].map(|level| (u32::from(level) * 249 + 1014) >> 11);
        let green = (u32::from(pixel[1]) * 253 + 505) >> 10;
        let [low, high, ..] = (red << 11 | green << 5 | blue).to_le_bytes();
        *to = [low, high];
    }
}
