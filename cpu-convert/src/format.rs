//! How the pixels of each format lie, in the words of this crate.

use dmabuf_heap::{Fourcc, PixelFormat, PlaneFormat};

/// How the components of a pixel lie in its planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Red, green and blue side by side.
    Rgb(Packing),
    /// Luma, with or without chroma.
    Yuv(YuvShape),
}

/// The order of red, green and blue in memory; DRM names it by the little-endian word, backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Rgb,
    Bgr,
    Rgba { has_alpha: bool },
    Bgra { has_alpha: bool },
    Rgb565,
}

/// Where luma and chroma lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct YuvShape {
    pub luma: Samples,
    /// Cb and Cr; grey has none.
    pub chroma: Option<[Samples; 2]>,
}

/// The samples of one component: in plane `plane`, from byte `offset` of each row, every `step` bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Samples {
    pub plane: usize,
    pub offset: usize,
    pub step: usize,
    /// Columns and rows of the picture for each sample.
    pub sub: Sub,
}

/// Columns and rows of a picture for each sample of a plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sub {
    pub h: u32,
    pub v: u32,
}

impl Sub {
    pub(crate) const NONE: Self = Self { h: 1, v: 1 };
    const H2V1: Self = Self { h: 2, v: 1 };
    const H2V2: Self = Self { h: 2, v: 2 };

    /// Samples of a plane under `width` × `height` pixels. Odd sizes keep their last column and row.
    pub(crate) const fn size(self, (width, height): (u32, u32)) -> (u32, u32) {
        (width.div_ceil(self.h), height.div_ceil(self.v))
    }

    #[must_use]
    pub(crate) const fn swapped(self) -> Self {
        Self {
            h: self.v,
            v: self.h,
        }
    }
}

/// What this crate reads and writes, in the order in which error messages name it.
pub(crate) const KNOWN: &[Fourcc] = &[
    Fourcc::NV12,
    Fourcc::NV21,
    Fourcc::NV16,
    Fourcc::YUV420,
    Fourcc::YVU420,
    Fourcc::YUYV,
    Fourcc::UYVY,
    Fourcc::Y8,
    Fourcc::R8,
    Fourcc::XRGB8888,
    Fourcc::ARGB8888,
    Fourcc::XBGR8888,
    Fourcc::ABGR8888,
    Fourcc::RGB888,
    Fourcc::BGR888,
    Fourcc::RGB565,
];

impl Shape {
    pub(crate) const fn of(fourcc: Fourcc) -> Option<Self> {
        Some(match fourcc {
            Fourcc::NV12 => semi_planar(Sub::H2V2, [0, 1]),
            Fourcc::NV21 => semi_planar(Sub::H2V2, [1, 0]),
            Fourcc::NV16 => semi_planar(Sub::H2V1, [0, 1]),
            Fourcc::YUV420 => planar(Sub::H2V2, [1, 2]),
            Fourcc::YVU420 => planar(Sub::H2V2, [2, 1]),
            Fourcc::YUYV => packed(0, [1, 3]),
            Fourcc::UYVY => packed(1, [0, 2]),
            Fourcc::Y8 | Fourcc::R8 => Self::Yuv(YuvShape {
                luma: samples(0, 0, 1, Sub::NONE),
                chroma: None,
            }),
            Fourcc::XRGB8888 => Self::Rgb(Packing::Bgra { has_alpha: false }),
            Fourcc::ARGB8888 => Self::Rgb(Packing::Bgra { has_alpha: true }),
            Fourcc::XBGR8888 => Self::Rgb(Packing::Rgba { has_alpha: false }),
            Fourcc::ABGR8888 => Self::Rgb(Packing::Rgba { has_alpha: true }),
            Fourcc::RGB888 => Self::Rgb(Packing::Bgr),
            Fourcc::BGR888 => Self::Rgb(Packing::Rgb),
            Fourcc::RGB565 => Self::Rgb(Packing::Rgb565),
            _ => return None,
        })
    }

    pub(crate) const fn is_rgb(&self) -> bool {
        matches!(self, Self::Rgb(_))
    }
}

/// The planes of a format that has a [`Shape`].
pub(crate) fn planes(fourcc: Fourcc) -> &'static [PlaneFormat] {
    PixelFormat::find(fourcc).map_or(&[], PixelFormat::planes)
}

const fn samples(plane: usize, offset: usize, step: usize, sub: Sub) -> Samples {
    Samples {
        plane,
        offset,
        step,
        sub,
    }
}

const fn planar(sub: Sub, [cb, cr]: [usize; 2]) -> Shape {
    Shape::Yuv(YuvShape {
        luma: samples(0, 0, 1, Sub::NONE),
        chroma: Some([samples(cb, 0, 1, sub), samples(cr, 0, 1, sub)]),
    })
}

const fn semi_planar(sub: Sub, [cb, cr]: [usize; 2]) -> Shape {
    Shape::Yuv(YuvShape {
        luma: samples(0, 0, 1, Sub::NONE),
        chroma: Some([samples(1, cb, 2, sub), samples(1, cr, 2, sub)]),
    })
}

const fn packed(luma: usize, [cb, cr]: [usize; 2]) -> Shape {
    Shape::Yuv(YuvShape {
        luma: samples(0, luma, 2, Sub::NONE),
        chroma: Some([samples(0, cb, 4, Sub::H2V1), samples(0, cr, 4, Sub::H2V1)]),
    })
}
