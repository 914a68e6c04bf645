use super::Fourcc;
use super::table::TABLE;

/// What the components of a pixel stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColorModel {
    /// Red, green, blue, with or without alpha.
    Rgb,
    /// Luma and two chroma components; needs a matrix and a range to become a colour.
    Yuv,
    /// One component.
    Gray,
}

/// One row of the pixel-format table: how the pixels of a fourcc lie in linear memory.
///
/// The table holds what the kernel's `drm_format_info` table (`drivers/gpu/drm/drm_fourcc.c`) says of every format with
/// rows of whole blocks, and the few of `drm_fourcc.h` that cameras make and that table lacks (R16, AVUY, XVUY, RG88 …).
/// Palettes (C8), darkness (D8), 2x2 block formats (X0L2) and formats without a linear layout (`YUV420_8BIT`) are left out.
#[derive(Debug, PartialEq, Eq)]
pub struct PixelFormat {
    /// The code.
    pub fourcc: Fourcc,
    /// The name after `DRM_FORMAT_`.
    pub name: &'static str,
    /// What the components stand for.
    pub color: ColorModel,
    pub(super) planes: &'static [PlaneFormat],
}

impl PixelFormat {
    /// The row of this fourcc, if the table has it.
    pub fn find(fourcc: Fourcc) -> Option<&'static Self> {
        TABLE.iter().find(|format| format.fourcc == fourcc)
    }

    /// The whole table.
    pub fn all() -> &'static [Self] {
        TABLE
    }

    /// One to three planes; the first has no subsampling.
    pub fn planes(&self) -> &'static [PlaneFormat] {
        self.planes
    }
}

/// One plane of a pixel format.
///
/// A block is the smallest run of samples that starts on a byte: one sample in most formats, two pixels in YUYV,
/// eight in R1, four in NV15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneFormat {
    /// Bytes of one block.
    pub bytes_per_block: u32,
    /// Samples of this plane in one block, side by side.
    pub block_width: u32,
    /// Picture columns per sample of this plane.
    pub horizontal_subsampling: u32,
    /// Picture rows per row of this plane.
    pub vertical_subsampling: u32,
}

impl PlaneFormat {
    /// Bytes that hold one row of a picture `width` pixels wide, without padding. Odd widths keep their last sample.
    ///
    /// This is the smallest stride that DRM takes (`drm_format_info_min_pitch`); the last block may be cut short.
    pub const fn row_bytes(&self, width: u32) -> u64 {
        (self.samples(width) * self.bytes_per_block as u64).div_ceil(self.block_width as u64)
    }

    /// Bytes of the whole blocks that hold such a row.
    pub(crate) const fn whole_row_bytes(&self, width: u32) -> u64 {
        self.samples(width).div_ceil(self.block_width as u64) * self.bytes_per_block as u64
    }

    /// Rows of this plane in a picture that is `height` pixels high. Odd heights keep their last row.
    pub const fn rows(&self, height: u32) -> u32 {
        height.div_ceil(self.vertical_subsampling)
    }

    const fn samples(&self, width: u32) -> u64 {
        width.div_ceil(self.horizontal_subsampling) as u64
    }
}
