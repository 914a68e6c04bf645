use super::{BufferFormat, Colorimetry, QueueFormat, RawFormat, Size, V4l2Fourcc};
use crate::uapi;

/// The format that a queue is asked for. What is not said is the driver's choice.
///
/// A driver answers with the nearest that it has: compare what came with what was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatRequest {
    code: V4l2Fourcc,
    size: Size,
    field: u32,
    buffers: Vec<BufferFormat>,
    colorimetry: Option<Colorimetry>,
}

impl FormatRequest {
    /// Progressive pictures of a format and size.
    pub const fn new(code: V4l2Fourcc, size: Size) -> Self {
        Self {
            code,
            size,
            field: uapi::FIELD_NONE,
            buffers: Vec::new(),
            colorimetry: None,
        }
    }

    /// The same in another format.
    #[must_use]
    pub const fn code(mut self, code: V4l2Fourcc) -> Self {
        self.code = code;
        self
    }

    /// `enum v4l2_field`: which rows of a picture are in a buffer, and in which order. 0 leaves it to the driver.
    #[must_use]
    pub const fn field(mut self, field: u32) -> Self {
        self.field = field;
        self
    }

    /// Bytes from row to row, and bytes of memory, of each buffer that a picture spreads over. 0 leaves it to the driver. For a
    /// compressed format `size_image` is how large a picture may become.
    #[must_use]
    pub fn buffers(mut self, buffers: &[BufferFormat]) -> Self {
        self.buffers = buffers.to_vec();
        self
    }

    /// Bytes from row to row in each buffer.
    #[must_use]
    pub fn strides(self, strides: &[u32]) -> Self {
        let buffer = |&bytes_per_line| BufferFormat {
            bytes_per_line,
            size_image: 0,
        };
        let buffers: Vec<_> = strides.iter().map(buffer).collect();
        self.buffers(&buffers)
    }

    /// What the pixels stand for. On an output queue this tells the driver. On a capture queue it asks for a conversion, which
    /// few drivers have; the others answer with what they make. 0 asks for what the source sends
    /// (`V4L2_PIX_FMT_FLAG_SET_CSC`, `Documentation/userspace-api/media/v4l/pixfmt-v4l2.rst`); vivid, which is the source as
    /// well, keeps what it was asked for last.
    #[must_use]
    pub const fn colorimetry(mut self, colorimetry: Colorimetry) -> Self {
        self.colorimetry = Some(colorimetry);
        self
    }

    /// As `struct v4l2_format`.
    pub(crate) fn raw(&self, buffer_type: u32) -> RawFormat {
        let Size { width, height } = self.size;
        let mut raw = RawFormat::wanted(buffer_type, self.code, width, height)
            .with_field(self.field)
            .with_buffers(&self.buffers);
        if let Some(colorimetry) = self.colorimetry {
            let is_capture = matches!(
                buffer_type,
                uapi::BUF_TYPE_VIDEO_CAPTURE | uapi::BUF_TYPE_VIDEO_CAPTURE_MPLANE
            );
            raw = raw.with_colorimetry(colorimetry, is_capture);
        }
        raw
    }
}

impl From<&QueueFormat> for FormatRequest {
    /// The same format again, with its strides and sizes.
    fn from(format: &QueueFormat) -> Self {
        Self {
            code: format.code,
            size: Size {
                width: format.width,
                height: format.height,
            },
            field: format.field,
            buffers: format.buffers.clone(),
            colorimetry: Some(format.colorimetry),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TYPES: [u32; 4] = [
        uapi::BUF_TYPE_VIDEO_CAPTURE,
        uapi::BUF_TYPE_VIDEO_OUTPUT,
        uapi::BUF_TYPE_VIDEO_CAPTURE_MPLANE,
        uapi::BUF_TYPE_VIDEO_OUTPUT_MPLANE,
    ];

    fn formats() -> impl Strategy<Value = QueueFormat> {
        // In the multi-planar struct, colorimetry has a byte for each.
        let colorimetry = (0..16_u32, 0..16_u32, 0..3_u32, 0..16_u32).prop_map(
            |(colorspace, ycbcr_encoding, quantization, transfer)| Colorimetry {
                colorspace,
                ycbcr_encoding,
                quantization,
                transfer,
            },
        );
        let buffer =
            (any::<u32>(), any::<u32>()).prop_map(|(bytes_per_line, size_image)| BufferFormat {
                bytes_per_line,
                size_image,
            });
        let buffers = prop::collection::vec(buffer, 1..=uapi::MAX_BUFFER_PLANES);
        let numbers = (any::<u32>(), any::<u32>(), any::<u32>(), 0..10_u32);
        (numbers, colorimetry, buffers).prop_map(
            |((width, height, code, field), colorimetry, buffers)| QueueFormat {
                width,
                height,
                code: V4l2Fourcc(code),
                field,
                colorimetry,
                buffers,
            },
        )
    }

    proptest! {
        #[test]
        fn a_format_survives_the_way_through_the_structs_of_the_kernel(format in formats()) {
            for buffer_type in TYPES {
                let is_multiplanar = uapi::is_multiplanar(buffer_type);
                let mut expected = format.clone();
                if !is_multiplanar {
                    expected.buffers.truncate(1);
                }
                let raw = FormatRequest::from(&expected).raw(buffer_type);
                prop_assert_eq!(QueueFormat::from(&raw), expected);
            }
        }
    }

    #[test]
    fn colours_are_a_wish_on_capture_only() {
        let size = Size {
            width: 64,
            height: 32,
        };
        let request = FormatRequest::new(V4l2Fourcc::from_bytes(b"NV12"), size);
        let flags = |request: &FormatRequest, buffer_type| match request.raw(buffer_type) {
            RawFormat::Single(format) => format.pix.flags,
            RawFormat::Multi(format) => format.pix.flags.into(),
        };
        for buffer_type in TYPES {
            assert_eq!(flags(&request, buffer_type), 0);
        }
        let coloured = request.colorimetry(Colorimetry::default());
        assert_eq!(TYPES.map(|kind| flags(&coloured, kind)), [2, 0, 2, 0]);
    }
}
