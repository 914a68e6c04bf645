use crate::{Format, Fourcc, LayoutError, Modifier, PixelFormat};

use super::linear;

/// The most planes a frame can have, in DRM, V4L2 and Wayland alike.
pub const MAX_PLANES: usize = 4;

/// Where one plane lies in its dma-buf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlaneLayout {
    /// Bytes from the start of the dma-buf that holds this plane.
    pub offset: u64,
    /// Bytes from the start of one row to the start of the next.
    pub stride: u32,
    /// Bytes that belong to the plane, with the padding at the end of each row.
    pub len: u64,
}

impl PlaneLayout {
    /// One past the last byte. A layout that was checked never overflows here.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.len)
    }
}

/// The size, format and planes of one picture.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameLayout {
    width: u32,
    height: u32,
    format: Format,
    planes: [PlaneLayout; MAX_PLANES],
    plane_count: usize,
}

impl FrameLayout {
    /// Planes back to back in one dma-buf, each stride a multiple of `stride_align` bytes.
    ///
    /// The strides of the further planes follow from the first by the rule that V4L2 applies to formats in one buffer
    /// (`Documentation/userspace-api/media/v4l/pixfmt-yuv-planar.rst`): NV12 keeps the luma stride, YUV420 halves it.
    /// So the first stride grows until every other plane is aligned, too, and holds its rows at odd widths.
    ///
    /// # Errors
    ///
    /// No pixels, a fourcc outside the table, an alignment of 0, or sizes that no kernel interface can carry.
    pub fn linear(
        fourcc: Fourcc,
        width: u32,
        height: u32,
        stride_align: u32,
    ) -> Result<Self, LayoutError> {
        check_size(width, height)?;
        let format = PixelFormat::find(fourcc).ok_or(LayoutError::UnknownFormat(fourcc))?;
        let stride = linear::first_stride(format, width, height, stride_align)?;
        let strides = linear::strides(format, width, height, stride)?;
        linear::stack(
            format,
            width,
            height,
            &strides[..format.planes().len()],
            linear::Placing::STACKED,
        )
    }

    /// A layout that somebody else chose: a driver, a compositor, upstream.
    ///
    /// Offsets count from the start of the dma-buf of each plane, and planes may share one. Linear planes must hold
    /// their rows; the padding behind the last row may be missing. Of other modifiers only the driver knows the shape.
    ///
    /// # Errors
    ///
    /// No pixels, a plane count that is not the format's, a stride or a length that does not hold the rows.
    pub fn with_planes(
        fourcc: Fourcc,
        modifier: Modifier,
        width: u32,
        height: u32,
        planes: &[PlaneLayout],
    ) -> Result<Self, LayoutError> {
        check_size(width, height)?;
        let format = PixelFormat::find(fourcc);
        let is_linear = modifier == Modifier::LINEAR;
        let expected = match format {
            Some(format) if is_linear => format.planes().len(),
            None if is_linear => return Err(LayoutError::UnknownFormat(fourcc)),
            // Compressed layouts add planes of their own.
            _ => planes.len().clamp(1, MAX_PLANES),
        };
        if planes.len() != expected {
            let got = planes.len();
            return Err(LayoutError::PlaneCount {
                fourcc,
                expected,
                got,
            });
        }
        if let (Some(format), true) = (format, is_linear) {
            linear::check_planes(format, width, height, planes)?;
        }
        let limit = i64::MAX.unsigned_abs();
        let fits = |plane: &PlaneLayout| {
            plane
                .offset
                .checked_add(plane.len)
                .is_some_and(|end| end <= limit)
        };
        if !planes.iter().all(fits) {
            return Err(LayoutError::TooLarge {
                fourcc,
                width,
                height,
            });
        }
        Ok(Self::from_parts(
            Format { fourcc, modifier },
            width,
            height,
            planes,
        ))
    }

    /// Pixels.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// The pixels.
    pub const fn fourcc(&self) -> Fourcc {
        self.format.fourcc
    }

    /// Their order in memory.
    pub const fn modifier(&self) -> Modifier {
        self.format.modifier
    }

    /// Fourcc and modifier together.
    pub const fn format(&self) -> Format {
        self.format
    }

    /// One to [`MAX_PLANES`] planes.
    pub fn planes(&self) -> &[PlaneLayout] {
        &self.planes[..self.plane_count]
    }

    /// Bytes that one dma-buf needs when all planes lie in it.
    pub fn size(&self) -> u64 {
        self.planes()
            .iter()
            .map(PlaneLayout::end)
            .max()
            .unwrap_or(0)
    }

    /// Bytes of pixels in a row of this plane, without padding. None if there is no such plane or it is not linear.
    pub fn row_bytes(&self, plane: usize) -> Option<u64> {
        self.linear_plane(plane)
            .map(|format| format.row_bytes(self.width))
    }

    /// Rows of this plane. None if there is no such plane or it is not linear.
    pub fn rows(&self, plane: usize) -> Option<u32> {
        self.linear_plane(plane)
            .map(|format| format.rows(self.height))
    }

    fn linear_plane(&self, plane: usize) -> Option<&'static crate::PlaneFormat> {
        if self.format.modifier != Modifier::LINEAR {
            return None;
        }
        PixelFormat::find(self.format.fourcc)?.planes().get(plane)
    }

    /// For callers that have checked everything; `planes` are at most [`MAX_PLANES`].
    pub(super) fn from_parts(
        format: Format,
        width: u32,
        height: u32,
        planes: &[PlaneLayout],
    ) -> Self {
        let mut all = [PlaneLayout::default(); MAX_PLANES];
        all[..planes.len()].copy_from_slice(planes);
        Self {
            width,
            height,
            format,
            planes: all,
            plane_count: planes.len(),
        }
    }
}

impl std::fmt::Debug for FrameLayout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            width,
            height,
            format,
            ..
        } = self;
        write!(
            f,
            "FrameLayout({format} {width}x{height} {:?})",
            self.planes()
        )
    }
}

pub(super) fn check_size(width: u32, height: u32) -> Result<(), LayoutError> {
    if width == 0 || height == 0 {
        return Err(LayoutError::Empty { width, height });
    }
    Ok(())
}
