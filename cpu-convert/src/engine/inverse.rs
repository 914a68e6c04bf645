use dmabuf_heap::YuvColor;
use yuv::{YuvError, YuvGrayImage, YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::PlaneMut;
use crate::format::{Packing, Sub};

use super::band::Band;
use super::finish::Scratch;
use super::shuffle::pack_565;
use super::view::{View, room};

/// From YUV to RGB.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inverse {
    convert: Convert,
    to: Packing,
    range: YuvRange,
    matrix: YuvStandardMatrix,
}

#[derive(Clone, Copy, Debug)]
enum Convert {
    Color(FromPlanar),
    Gray(FromGray),
}

/// Source, target and its stride, and the colour.
type FromPlanar = fn(
    &YuvPlanarImage<'_, u8>,
    &mut [u8],
    u32,
    YuvRange,
    YuvStandardMatrix,
) -> Result<(), YuvError>;

/// As [`FromPlanar`].
type FromGray =
    fn(&YuvGrayImage<'_, u8>, &mut [u8], u32, YuvRange, YuvStandardMatrix) -> Result<(), YuvError>;

/// The four functions for one kind of chroma, in the order of RGB, BGR, RGBA, BGRA.
macro_rules! by_packing {
    ($kind:ident, $to:expr, $rgb:ident, $bgr:ident, $rgba:ident, $bgra:ident) => {
        Convert::$kind(match $to {
            Packing::Rgb => yuv::$rgb,
            Packing::Bgr => yuv::$bgr,
            Packing::Rgba { .. } | Packing::Rgb565 => yuv::$rgba,
            Packing::Bgra { .. } => yuv::$bgra,
        })
    };
}

impl Inverse {
    /// Whether lanes may arrive with chroma of this subsampling.
    pub(super) const fn takes(sub: Sub) -> bool {
        matches!(sub, Sub { h: 1, v: 1 } | Sub { h: 2, v: 1 | 2 })
    }

    pub(super) fn new(chroma: Option<Sub>, to: Packing, color: YuvColor) -> Self {
        let convert = match chroma {
            None => {
                by_packing!(
                    Gray,
                    to,
                    yuv400_to_rgb,
                    yuv400_to_bgr,
                    yuv400_to_rgba,
                    yuv400_to_bgra
                )
            }
            Some(Sub { h: 2, v: 2 }) => {
                by_packing!(
                    Color,
                    to,
                    yuv420_to_rgb,
                    yuv420_to_bgr,
                    yuv420_to_rgba,
                    yuv420_to_bgra
                )
            }
            Some(Sub { h: 2, v: 1 }) => {
                by_packing!(
                    Color,
                    to,
                    yuv422_to_rgb,
                    yuv422_to_bgr,
                    yuv422_to_rgba,
                    yuv422_to_bgra
                )
            }
            Some(_) => {
                by_packing!(
                    Color,
                    to,
                    yuv444_to_rgb,
                    yuv444_to_bgr,
                    yuv444_to_rgba,
                    yuv444_to_bgra
                )
            }
        };
        let (range, matrix) = super::words(color);
        Self {
            convert,
            to,
            range,
            matrix,
        }
    }

    pub(super) fn run(
        &self,
        luma: View<'_>,
        chroma: Option<[View<'_>; 2]>,
        band: &mut Band<'_>,
        scratch: &mut Scratch,
    ) {
        let target = &mut band.planes[0];
        if self.to != Packing::Rgb565 {
            self.convert(luma, chroma, target);
            return;
        }
        let stride = luma.width as usize * 4;
        let mut wide = PlaneMut {
            data: room(&mut scratch.planes[0], stride * luma.height as usize),
            stride,
        };
        self.convert(luma, chroma, &mut wide);
        let rows = target.data.chunks_mut(target.stride);
        for (from, to) in wide.data.chunks_exact(stride).zip(rows) {
            pack_565(from, 4, false, to);
        }
    }

    fn convert(&self, luma: View<'_>, chroma: Option<[View<'_>; 2]>, to: &mut PlaneMut<'_>) {
        let Self { range, matrix, .. } = *self;
        let (width, height) = (luma.width, luma.height);
        let stride = super::stride(to.stride);
        let result = match (self.convert, chroma) {
            (Convert::Color(convert), Some([cb, cr])) => {
                let image = YuvPlanarImage {
                    y_plane: luma.data,
                    y_stride: super::stride(luma.stride),
                    u_plane: cb.data,
                    u_stride: super::stride(cb.stride),
                    v_plane: cr.data,
                    v_stride: super::stride(cr.stride),
                    width,
                    height,
                };
                convert(&image, to.data, stride, range, matrix)
            }
            (Convert::Gray(convert), _) => {
                let image = YuvGrayImage {
                    y_plane: luma.data,
                    y_stride: super::stride(luma.stride),
                    width,
                    height,
                };
                convert(&image, to.data, stride, range, matrix)
            }
            (Convert::Color(_), None) => unreachable!("chosen for pictures with chroma"),
        };
        super::check(result);
    }
}
