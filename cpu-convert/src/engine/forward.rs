use dmabuf_heap::YuvColor;
use yuv::{
    BufferStoreMut, YuvBiPlanarImageMut, YuvConversionMode, YuvError, YuvGrayImageMut,
    YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

use crate::PlaneMut;
use crate::format::{Packing, Samples, Sub, YuvShape};

use super::band::Band;
use super::finish::Scratch;
use super::store;
use super::view::{View, room};

/// From RGB to YUV.
#[derive(Clone, Copy, Debug)]
pub(super) struct Forward {
    convert: Convert,
    shape: YuvShape,
    range: YuvRange,
    matrix: YuvStandardMatrix,
}

#[derive(Clone, Copy, Debug)]
enum Convert {
    Gray(ToGray),
    SemiPlanar(ToSemiPlanar),
    Planar(ToPlanar),
    /// Planar first, then packed.
    Packed(ToPlanar),
}

/// Target, source and its stride, and the colour.
type ToGray = fn(
    &mut YuvGrayImageMut<'_, u8>,
    &[u8],
    u32,
    YuvRange,
    YuvStandardMatrix,
) -> Result<(), YuvError>;

/// As [`ToGray`], and how exactly.
type ToSemiPlanar = fn(
    &mut YuvBiPlanarImageMut<'_, u8>,
    &[u8],
    u32,
    YuvRange,
    YuvStandardMatrix,
    YuvConversionMode,
) -> Result<(), YuvError>;

/// As [`ToSemiPlanar`].
type ToPlanar = fn(
    &mut YuvPlanarImageMut<'_, u8>,
    &[u8],
    u32,
    YuvRange,
    YuvStandardMatrix,
    YuvConversionMode,
) -> Result<(), YuvError>;

/// The function for one packing of the source.
macro_rules! by_packing {
    ($from:expr, $rgb:ident, $bgr:ident, $rgba:ident, $bgra:ident) => {
        match $from {
            Packing::Rgb => yuv::$rgb,
            Packing::Bgr => yuv::$bgr,
            Packing::Rgba { .. } | Packing::Rgb565 => yuv::$rgba,
            Packing::Bgra { .. } => yuv::$bgra,
        }
    };
}

const MODE: YuvConversionMode = YuvConversionMode::Balanced;

impl Forward {
    /// `from` is how pixels arrive.
    pub(super) fn new(from: Packing, shape: YuvShape, color: YuvColor) -> Self {
        let convert = match shape.chroma {
            None => Convert::Gray(by_packing!(
                from,
                rgb_to_yuv400,
                bgr_to_yuv400,
                rgba_to_yuv400,
                bgra_to_yuv400
            )),
            Some([cb, cr]) => Self::color(from, cb, cr),
        };
        let (range, matrix) = super::words(color);
        Self {
            convert,
            shape,
            range,
            matrix,
        }
    }

    fn color(from: Packing, cb: Samples, cr: Samples) -> Convert {
        match (cb.step, cb.sub) {
            (1, _) => Convert::Planar(by_packing!(
                from,
                rgb_to_yuv420,
                bgr_to_yuv420,
                rgba_to_yuv420,
                bgra_to_yuv420
            )),
            (2, Sub { h: 2, v: 1 }) => Convert::SemiPlanar(by_packing!(
                from,
                rgb_to_yuv_nv16,
                bgr_to_yuv_nv16,
                rgba_to_yuv_nv16,
                bgra_to_yuv_nv16
            )),
            (2, _) if cb.offset < cr.offset => Convert::SemiPlanar(by_packing!(
                from,
                rgb_to_yuv_nv12,
                bgr_to_yuv_nv12,
                rgba_to_yuv_nv12,
                bgra_to_yuv_nv12
            )),
            (2, _) => Convert::SemiPlanar(by_packing!(
                from,
                rgb_to_yuv_nv21,
                bgr_to_yuv_nv21,
                rgba_to_yuv_nv21,
                bgra_to_yuv_nv21
            )),
            _ => Convert::Packed(by_packing!(
                from,
                rgb_to_yuv422,
                bgr_to_yuv422,
                rgba_to_yuv422,
                bgra_to_yuv422
            )),
        }
    }

    pub(super) fn run(&self, lane: View<'_>, band: &mut Band<'_>, scratch: &mut Scratch) {
        match self.convert {
            Convert::Gray(convert) => {
                let [luma, ..] = &mut band.planes;
                self.gray(convert, lane, luma);
            }
            Convert::SemiPlanar(convert) => {
                let [luma, chroma, _] = &mut band.planes;
                self.semi_planar(convert, lane, luma, chroma);
            }
            Convert::Planar(convert) => {
                let [luma, second, third] = &mut band.planes;
                let is_cb_first = self
                    .shape
                    .chroma
                    .is_some_and(|[cb, cr]| cb.plane < cr.plane);
                let chroma = if is_cb_first {
                    [second, third]
                } else {
                    [third, second]
                };
                self.planar(convert, lane, luma, chroma);
            }
            Convert::Packed(convert) => self.packed(convert, lane, band, scratch),
        }
    }

    /// Has an image filled from `lane`, in the colours of this conversion.
    fn fill(
        &self,
        lane: View<'_>,
        convert: impl FnOnce(&[u8], u32, YuvRange, YuvStandardMatrix) -> Result<(), YuvError>,
    ) {
        let stride = super::stride(lane.stride);
        super::check(convert(lane.data, stride, self.range, self.matrix));
    }

    fn gray(&self, convert: ToGray, lane: View<'_>, luma: &mut PlaneMut<'_>) {
        let mut image = YuvGrayImageMut {
            y_stride: super::stride(luma.stride),
            y_plane: BufferStoreMut::Borrowed(luma.data),
            width: lane.width,
            height: lane.height,
        };
        self.fill(lane, |data, stride, range, matrix| {
            convert(&mut image, data, stride, range, matrix)
        });
    }

    fn semi_planar(
        &self,
        convert: ToSemiPlanar,
        lane: View<'_>,
        luma: &mut PlaneMut<'_>,
        chroma: &mut PlaneMut<'_>,
    ) {
        let mut image = YuvBiPlanarImageMut {
            y_stride: super::stride(luma.stride),
            y_plane: BufferStoreMut::Borrowed(luma.data),
            uv_stride: super::stride(chroma.stride),
            uv_plane: BufferStoreMut::Borrowed(chroma.data),
            width: lane.width,
            height: lane.height,
        };
        self.fill(lane, |data, stride, range, matrix| {
            convert(&mut image, data, stride, range, matrix, MODE)
        });
    }

    fn planar(
        &self,
        convert: ToPlanar,
        lane: View<'_>,
        luma: &mut PlaneMut<'_>,
        [cb, cr]: [&mut PlaneMut<'_>; 2],
    ) {
        let mut image = YuvPlanarImageMut {
            y_stride: super::stride(luma.stride),
            y_plane: BufferStoreMut::Borrowed(luma.data),
            u_stride: super::stride(cb.stride),
            u_plane: BufferStoreMut::Borrowed(cb.data),
            v_stride: super::stride(cr.stride),
            v_plane: BufferStoreMut::Borrowed(cr.data),
            width: lane.width,
            height: lane.height,
        };
        self.fill(lane, |data, stride, range, matrix| {
            convert(&mut image, data, stride, range, matrix, MODE)
        });
    }

    fn packed(
        &self,
        convert: ToPlanar,
        lane: View<'_>,
        band: &mut Band<'_>,
        scratch: &mut Scratch,
    ) {
        let (width, height) = (lane.width, lane.height);
        let half = width.div_ceil(2);
        let mut widths = [width, half, half].into_iter();
        let mut planes = scratch.planes.each_mut().map(|plane| {
            let stride = widths.next().unwrap_or(half) as usize;
            PlaneMut {
                data: room(plane, stride * height as usize),
                stride,
            }
        });
        let [luma, cb, cr] = &mut planes;
        self.planar(convert, lane, luma, [cb, cr]);
        let [luma, cb, cr] = planes;
        let chroma = [cb, cr].map(|plane| View::packed(plane.data, half, height, 1));
        let luma = View::packed(luma.data, width, height, 1);
        store::planes(&self.shape, luma, Some(chroma), band);
    }
}
