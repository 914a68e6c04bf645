use std::fmt;

use dmabuf_heap::{FrameLayout, LayoutError, LayoutRequest, Modifier, PixelFormat, PlaneLayout};

use super::{Colorimetry, V4l2Fourcc};

/// The memory of one of the buffers that a picture spreads over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BufferFormat {
    /// `bytesperline`: bytes from row to row of the first plane in this buffer.
    pub bytes_per_line: u32,
    /// `sizeimage`: bytes that the buffer must at least have.
    pub size_image: u32,
}

/// The format of a queue: size, pixels and memory of one picture (`struct v4l2_format`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFormat {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// The pixels and how many buffers they lie in.
    pub code: V4l2Fourcc,
    /// `enum v4l2_field`; 1 is progressive.
    pub field: u32,
    /// What the pixels stand for.
    pub colorimetry: Colorimetry,
    /// One for each buffer.
    pub buffers: Vec<BufferFormat>,
}

impl QueueFormat {
    /// Where the planes of a picture lie by V4L2's rules.
    ///
    /// In one buffer the planes follow each other without a gap, and the strides of the further planes are derived from the
    /// first: `bytesperline` of the buffer. In several buffers each has a stride of its own and starts at offset 0.
    ///
    /// # Errors
    ///
    /// The pixels have no DRM format, or the driver's strides do not hold the rows.
    pub fn layout(&self) -> Result<FrameLayout, LayoutError> {
        let unknown = || LayoutError::UnknownFormat(dmabuf_heap::Fourcc(self.code.0));
        let fourcc = self.code.drm().ok_or_else(unknown)?;
        if !self.code.is_split() {
            let first = self.buffers.first().copied().unwrap_or_default();
            return LayoutRequest::new(fourcc, self.width, self.height)
                .plane_strides(&[first.bytes_per_line])
                .layout();
        }
        let shapes = PixelFormat::find(fourcc).ok_or_else(unknown)?.planes();
        let planes: Vec<PlaneLayout> = shapes
            .iter()
            .zip(&self.buffers)
            .map(|(shape, buffer)| PlaneLayout {
                offset: 0,
                stride: buffer.bytes_per_line,
                len: u64::from(buffer.bytes_per_line) * u64::from(shape.rows(self.height)),
            })
            .collect();
        FrameLayout::with_planes(fourcc, Modifier::LINEAR, self.width, self.height, &planes)
    }
}

impl fmt::Display for QueueFormat {
    /// As in `NV12 640x360, stride 640, 345600 bytes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.code, self.width, self.height)?;
        for buffer in &self.buffers {
            let BufferFormat {
                bytes_per_line,
                size_image,
            } = buffer;
            write!(f, ", stride {bytes_per_line}, {size_image} bytes")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::RawFormat;
    use crate::uapi;

    fn format(code: [u8; 4], buffers: &[(u32, u32)]) -> QueueFormat {
        QueueFormat {
            width: 362,
            height: 242,
            code: V4l2Fourcc::from_bytes(&code),
            field: 1,
            colorimetry: Colorimetry::default(),
            buffers: buffers
                .iter()
                .map(|&(bytes_per_line, size_image)| BufferFormat {
                    bytes_per_line,
                    size_image,
                })
                .collect(),
        }
    }

    fn planes(format: &QueueFormat) -> Vec<(u64, u32)> {
        let layout = format.layout().unwrap();
        let planes = layout.planes().iter();
        planes.map(|plane| (plane.offset, plane.stride)).collect()
    }

    #[test]
    fn planes_in_one_buffer_follow_the_first() {
        assert_eq!(
            planes(&format(*b"NV12", &[(384, 139_392)])),
            [(0, 384), (384 * 242, 384)]
        );
        assert_eq!(
            planes(&format(*b"YU12", &[(384, 139_392)])),
            [(0, 384), (384 * 242, 192), (384 * 242 + 192 * 121, 192)]
        );
    }

    #[test]
    fn planes_in_buffers_of_their_own_start_there() {
        assert_eq!(
            planes(&format(
                *b"YM12",
                &[(384, 92_928), (256, 30_976), (192, 23_232)]
            )),
            [(0, 384), (0, 256), (0, 192)]
        );
    }

    #[test]
    fn a_stride_that_does_not_hold_a_row_is_an_error() {
        for broken in [
            format(*b"NV12", &[(361, 139_392)]),
            format(*b"NM12", &[(384, 92_928)]),
            format(*b"NV12", &[]),
            format(*b"MJPG", &[(0, 139_392)]),
        ] {
            assert!(broken.layout().is_err(), "{broken}");
        }
    }

    #[test]
    fn strides_are_asked_for_buffer_by_buffer() {
        let code = V4l2Fourcc::from_bytes(b"NM12");
        let raw = RawFormat::wanted(uapi::BUF_TYPE_VIDEO_CAPTURE_MPLANE, code, 64, 32);
        let format = QueueFormat::from(&raw.with_strides(&[128, 256]));
        let strides: Vec<_> = format.buffers.iter().map(|b| b.bytes_per_line).collect();
        assert_eq!(strides, [128, 256]);
        assert_eq!(
            format.to_string(),
            "NM12 64x32, stride 128, 0 bytes, stride 256, 0 bytes"
        );
    }
}
