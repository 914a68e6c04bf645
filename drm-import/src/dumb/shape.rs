use dmabuf_heap::{FrameLayout, PixelFormat};

/// What `struct drm_mode_create_dumb` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Pixels of `bits_per_pixel` bits, which need not be those of a picture.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    pub(crate) bits_per_pixel: u32,
}

impl Shape {
    /// A buffer of at least `len` bytes whose rows hold `stride` bytes.
    ///
    /// `None` if the kernel has no numbers for it.
    pub(crate) fn holding(format: &PixelFormat, stride: u32, len: u64) -> Option<Shape> {
        Shape::with_depth(bits_per_pixel(format), stride, len)
    }

    /// The same for bytes that are no picture by themselves.
    pub(crate) fn of_bytes(stride: u32, len: u64) -> Option<Shape> {
        Shape::with_depth(8, stride, len)
    }

    fn with_depth(bits_per_pixel: u32, stride: u32, len: u64) -> Option<Shape> {
        Some(Shape {
            width: stride.div_ceil(bits_per_pixel / 8),
            height: u32::try_from(len.div_ceil(u64::from(stride.max(1)))).ok()?,
            bits_per_pixel,
        })
    }

    /// One row of so many pixels of the first plane.
    pub(crate) fn row(format: &PixelFormat, width: u32) -> Shape {
        Shape {
            width,
            height: 1,
            bits_per_pixel: bits_per_pixel(format),
        }
    }

    /// A buffer that holds all planes of `layout`, the rows of the first as long as there.
    pub(crate) fn of(layout: &FrameLayout) -> Option<Shape> {
        let format = PixelFormat::find(layout.fourcc())?;
        Shape::holding(format, layout.planes().first()?.stride, layout.size())
    }
}

/// How many bits the driver is told that a pixel has.
///
/// One plane with 8, 16, 24 or 32 bits for each pixel is said as it is: paravirtual drivers make a picture of that
/// size and depth on their host. Everything else is bytes, the further planes as more rows of them. The kernel's
/// `drm_mode_size_dumb` takes other depths with a warning only.
fn bits_per_pixel(format: &PixelFormat) -> u32 {
    let &[plane] = format.planes() else { return 8 };
    match (8 * plane.bytes_per_block, plane.block_width) {
        (bits, pixels) if bits % pixels == 0 && matches!(bits / pixels, 8 | 16 | 24 | 32) => {
            bits / pixels
        }
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dmabuf_heap::{Fourcc, LayoutRequest};

    fn shape(fourcc: Fourcc, width: u32, height: u32) -> Shape {
        let layout = LayoutRequest::new(fourcc, width, height).layout().unwrap();
        Shape::of(&layout).unwrap()
    }

    fn parts(shape: Shape) -> (u32, u32, u32) {
        (shape.width, shape.height, shape.bits_per_pixel)
    }

    #[test]
    fn one_plane_of_a_common_depth_is_asked_for_as_it_is() {
        assert_eq!(parts(shape(Fourcc::XRGB8888, 641, 480)), (641, 480, 32));
        assert_eq!(parts(shape(Fourcc::RGB888, 641, 480)), (641, 480, 24));
        assert_eq!(parts(shape(Fourcc::RGB565, 641, 480)), (641, 480, 16));
        assert_eq!(parts(shape(Fourcc::YUYV, 640, 480)), (640, 480, 16));
    }

    #[test]
    fn further_planes_are_more_rows_of_bytes() {
        assert_eq!(parts(shape(Fourcc::NV12, 640, 480)), (640, 720, 8));
        assert_eq!(parts(shape(Fourcc::YUV444, 640, 480)), (640, 1440, 8));
        assert_eq!(parts(shape(Fourcc::P010, 640, 480)), (1280, 720, 8));
    }

    #[test]
    fn odd_depths_are_asked_for_in_bytes() {
        assert_eq!(parts(shape(Fourcc::R1, 640, 480)), (80, 480, 8));
        assert_eq!(parts(shape(Fourcc::XRGB16161616, 640, 480)), (5120, 480, 8));
    }

    #[test]
    fn every_format_fits_into_its_shape() {
        for format in PixelFormat::all() {
            for (width, height) in [(1, 1), (641, 481), (1920, 1080)] {
                let layout = LayoutRequest::new(format.fourcc, width, height)
                    .layout()
                    .unwrap();
                let shape = Shape::of(&layout).unwrap();
                let row = u64::from(shape.width) * u64::from(shape.bits_per_pixel / 8);
                assert!(row >= u64::from(layout.planes()[0].stride));
                assert!(row * u64::from(shape.height) >= layout.size());
            }
        }
    }

    #[test]
    fn what_no_driver_can_count_is_no_shape() {
        let format = PixelFormat::find(Fourcc::R8).unwrap();
        assert_eq!(Shape::holding(format, 1, 1 << 33), None);
    }
}
