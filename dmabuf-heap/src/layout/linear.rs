use super::arithmetic::{gcd, lcm};
use crate::{Format, FrameLayout, LayoutError, MAX_PLANES, PixelFormat, PlaneFormat, PlaneLayout};

/// The stride of a plane as a fraction of the first plane's stride, in lowest terms.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) numerator: u64,
    pub(crate) denominator: u64,
}

impl Ratio {
    pub(crate) fn of(first: &PlaneFormat, plane: &PlaneFormat) -> Self {
        let bytes = u64::from(plane.bytes_per_block) * u64::from(first.block_width);
        let first_bytes = u64::from(first.bytes_per_block)
            * u64::from(plane.block_width)
            * u64::from(plane.horizontal_subsampling);
        let divisor = gcd(bytes, first_bytes);
        Self {
            numerator: bytes / divisor,
            denominator: first_bytes / divisor,
        }
    }

    /// The smallest first stride whose share is at least `stride`.
    pub(crate) fn first_for(self, stride: u64) -> Option<u64> {
        Some(
            stride
                .checked_mul(self.denominator)?
                .div_ceil(self.numerator),
        )
    }

    /// First strides must be a multiple of this for their shares to be multiples of `align`.
    pub(crate) fn step(self, align: u64) -> Option<u64> {
        let scaled = align.checked_mul(self.denominator)?;
        Some(scaled / gcd(scaled, self.numerator))
    }
}

/// The smallest stride of the first plane that holds its rows and makes every other plane aligned and wide enough.
pub(super) fn first_stride(
    format: &PixelFormat,
    width: u32,
    height: u32,
    stride_align: u32,
) -> Result<u32, LayoutError> {
    if stride_align == 0 {
        return Err(LayoutError::ZeroAlignment);
    }
    let align = u64::from(stride_align);
    let first = &format.planes()[0];
    let too_large = || LayoutError::TooLarge {
        fourcc: format.fourcc,
        width,
        height,
    };

    let mut least = first.whole_row_bytes(width);
    let mut step = align;
    for plane in &format.planes()[1..] {
        let ratio = Ratio::of(first, plane);
        let wanted = ratio
            .first_for(plane.row_bytes(width))
            .ok_or_else(too_large)?;
        least = least.max(wanted);
        step = ratio
            .step(align)
            .and_then(|other| lcm(step, other))
            .ok_or_else(too_large)?;
    }
    let stride = least.checked_next_multiple_of(step).ok_or_else(too_large)?;
    u32::try_from(stride).map_err(|_beyond_32_bits| too_large())
}

/// The strides of all planes that follow from the first. Whether they hold their rows is checked later.
pub(crate) fn strides(
    format: &PixelFormat,
    width: u32,
    height: u32,
    first_stride: u32,
) -> Result<[u32; MAX_PLANES], LayoutError> {
    let first = &format.planes()[0];
    let mut strides = [0; MAX_PLANES];
    for (index, plane) in format.planes().iter().enumerate() {
        let ratio = Ratio::of(first, plane);
        let stride = u64::from(first_stride) * ratio.numerator / ratio.denominator;
        strides[index] =
            u32::try_from(stride).map_err(|_beyond_32_bits| LayoutError::TooLarge {
                fourcc: format.fourcc,
                width,
                height,
            })?;
    }
    Ok(strides)
}

/// Where planes start.
#[derive(Clone, Copy)]
pub(super) struct Placing<'a> {
    /// Where each starts; what is missing follows the plane before it.
    pub offsets: &'a [u64],
    /// Planes that follow start at a multiple of this; not 0.
    pub offset_align: u64,
    /// Rows of the first plane with padding; fewer than the picture has mean no padding.
    pub rows: u32,
    /// Each plane has a dma-buf of its own.
    pub per_plane: bool,
}

impl Placing<'_> {
    /// One behind the other in one dma-buf.
    pub(super) const STACKED: Self = Self {
        offsets: &[],
        offset_align: 1,
        rows: 0,
        per_plane: false,
    };

    /// Bytes of a plane with the padding of its rows.
    pub(super) fn padded_len(&self, plane: &PlaneFormat, height: u32, stride: u32) -> u64 {
        u64::from(stride) * u64::from(plane.rows(height.max(self.rows)))
    }
}

/// Planes placed in one dma-buf or in one for each.
pub(super) fn stack(
    format: &PixelFormat,
    width: u32,
    height: u32,
    strides: &[u32],
    placing: Placing<'_>,
) -> Result<FrameLayout, LayoutError> {
    let too_large = || LayoutError::TooLarge {
        fourcc: format.fourcc,
        width,
        height,
    };
    let mut planes = [PlaneLayout::default(); MAX_PLANES];
    let mut end = 0_u64;
    for (index, (plane, &stride)) in format.planes().iter().zip(strides).enumerate() {
        let offset = match placing.offsets.get(index) {
            Some(&offset) => offset,
            None if placing.per_plane => 0,
            None => end
                .checked_next_multiple_of(placing.offset_align)
                .ok_or_else(too_large)?,
        };
        end = offset
            .checked_add(placing.padded_len(plane, height, stride))
            .ok_or_else(too_large)?;
        planes[index] = PlaneLayout {
            offset,
            stride,
            len: u64::from(stride) * u64::from(plane.rows(height)),
        };
    }
    let planes = &planes[..format.planes().len()];
    check_planes(format, width, height, planes)?;
    if !placing.per_plane {
        check_overlap(format, planes)?;
    }
    if planes
        .iter()
        .any(|plane| plane.end() > i64::MAX.unsigned_abs())
    {
        return Err(too_large());
    }
    Ok(FrameLayout::from_parts(
        Format::linear(format.fourcc),
        width,
        height,
        planes,
    ))
}

/// Every stride holds a row, every plane all rows; only the padding of the last row may be missing.
pub(super) fn check_planes(
    format: &PixelFormat,
    width: u32,
    height: u32,
    planes: &[PlaneLayout],
) -> Result<(), LayoutError> {
    let fourcc = format.fourcc;
    for (index, (plane, shape)) in planes.iter().zip(format.planes()).enumerate() {
        let row_bytes = shape.row_bytes(width);
        let stride = plane.stride;
        if u64::from(stride) < row_bytes {
            return Err(LayoutError::StrideTooSmall {
                fourcc,
                plane: index,
                width,
                stride,
                row_bytes,
            });
        }
        let rows = shape.rows(height);
        let needed = u64::from(stride) * u64::from(rows - 1) + row_bytes;
        if plane.len < needed {
            let len = plane.len;
            return Err(LayoutError::PlaneTooShort {
                fourcc,
                plane: index,
                len,
                rows,
                stride,
            });
        }
    }
    Ok(())
}

fn check_overlap(format: &PixelFormat, planes: &[PlaneLayout]) -> Result<(), LayoutError> {
    for (first, lower) in planes.iter().enumerate() {
        for (second, upper) in planes.iter().enumerate() {
            let starts_inside = (lower.offset..lower.end()).contains(&upper.offset);
            if first != second && starts_inside {
                let fourcc = format.fourcc;
                return Err(LayoutError::Overlap {
                    fourcc,
                    first,
                    second,
                    offset: upper.offset,
                });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fourcc;

    fn strides_and_offsets(fourcc: Fourcc, width: u32, height: u32, align: u32) -> Vec<(u32, u64)> {
        let layout = FrameLayout::linear(fourcc, width, height, align).unwrap();
        layout
            .planes()
            .iter()
            .map(|plane| (plane.stride, plane.offset))
            .collect()
    }

    #[test]
    fn chroma_strides_follow_from_the_luma_stride() {
        assert_eq!(
            strides_and_offsets(Fourcc::NV12, 1280, 720, 1),
            [(1280, 0), (1280, 921_600)]
        );
        assert_eq!(
            strides_and_offsets(Fourcc::NV24, 64, 2, 1),
            [(64, 0), (128, 128)]
        );
        assert_eq!(
            strides_and_offsets(Fourcc::YUV420, 64, 2, 1),
            [(64, 0), (32, 128), (32, 160)]
        );
        assert_eq!(
            strides_and_offsets(Fourcc::P010, 64, 2, 1),
            [(128, 0), (128, 256)]
        );
        assert_eq!(
            strides_and_offsets(Fourcc::NV15, 64, 2, 1),
            [(80, 0), (80, 160)]
        );
        assert_eq!(
            strides_and_offsets(Fourcc::P030, 48, 2, 1),
            [(64, 0), (64, 128)]
        );
    }

    #[test]
    fn alignment_holds_for_every_plane() {
        assert_eq!(
            strides_and_offsets(Fourcc::YUV420, 362, 2, 64),
            [(384, 0), (192, 768), (192, 960)]
        );
        assert_eq!(
            strides_and_offsets(Fourcc::NV12, 1366, 2, 64),
            [(1408, 0), (1408, 2816)]
        );
        assert_eq!(strides_and_offsets(Fourcc::RGB888, 3, 2, 32), [(32, 0)]);
    }

    #[test]
    fn odd_sizes_keep_their_last_column_and_row() {
        assert_eq!(
            strides_and_offsets(Fourcc::YUV420, 361, 241, 1),
            [(362, 0), (181, 87_242), (181, 109_143)]
        );
        assert_eq!(strides_and_offsets(Fourcc::NV12, 1, 1, 1), [(2, 0), (2, 2)]);
        assert_eq!(strides_and_offsets(Fourcc::YUYV, 361, 1, 1), [(724, 0)]);
        assert_eq!(strides_and_offsets(Fourcc::R1, 9, 1, 1), [(2, 0)]);
    }

    #[test]
    fn the_largest_pictures_do_not_overflow() {
        let layout = FrameLayout::linear(Fourcc::NV12, 65536, 65536, 64).unwrap();
        assert_eq!(layout.size(), 6 << 30);
        let layout = FrameLayout::linear(Fourcc::XRGB8888, 65536, 65536, 64).unwrap();
        assert_eq!(layout.size(), 16 << 30);
        let error = FrameLayout::linear(Fourcc::XRGB8888, u32::MAX, u32::MAX, 1).unwrap_err();
        assert!(matches!(error, LayoutError::TooLarge { .. }), "{error}");
        assert!(FrameLayout::linear(Fourcc::YUV420, 16, 16, u32::MAX).is_err());
    }

    #[test]
    fn nothing_to_lay_out_is_an_error() {
        for (width, height) in [(0, 720), (1280, 0), (0, 0)] {
            let error = FrameLayout::linear(Fourcc::NV12, width, height, 1).unwrap_err();
            assert_eq!(error, LayoutError::Empty { width, height });
        }
        assert_eq!(
            FrameLayout::linear(Fourcc(0), 16, 16, 1).unwrap_err(),
            LayoutError::UnknownFormat(Fourcc(0))
        );
        assert_eq!(
            FrameLayout::linear(Fourcc::NV12, 16, 16, 0).unwrap_err(),
            LayoutError::ZeroAlignment
        );
    }
}
