use super::{BufferFormat, Colorimetry, QueueFormat, V4l2Fourcc};
use crate::uapi::{self, MultiFormat, PixFormat, PixFormatMplane, SingleFormat};

/// A format as the kernel gave it, with what this crate does not look at, so that it can be set again as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RawFormat {
    Single(SingleFormat),
    Multi(MultiFormat),
}

impl RawFormat {
    /// To be filled by the kernel.
    pub(crate) fn empty(buffer_type: u32) -> Self {
        if uapi::is_multiplanar(buffer_type) {
            Self::Multi(MultiFormat::new(buffer_type, PixFormatMplane::default()))
        } else {
            Self::Single(SingleFormat::new(buffer_type, PixFormat::default()))
        }
    }

    /// A progressive picture whose strides and colours are the driver's choice.
    pub(crate) fn wanted(buffer_type: u32, code: V4l2Fourcc, width: u32, height: u32) -> Self {
        if uapi::is_multiplanar(buffer_type) {
            let pix = PixFormatMplane {
                width,
                height,
                pixelformat: code.0,
                field: uapi::FIELD_NONE,
                ..PixFormatMplane::default()
            };
            Self::Multi(MultiFormat::new(buffer_type, pix))
        } else {
            let pix = PixFormat {
                width,
                height,
                pixelformat: code.0,
                field: uapi::FIELD_NONE,
                private: uapi::PIX_FMT_PRIV_MAGIC,
                ..PixFormat::default()
            };
            Self::Single(SingleFormat::new(buffer_type, pix))
        }
    }

    /// Asks for these strides, one for each buffer.
    pub(crate) fn with_strides(self, strides: &[u32]) -> Self {
        let buffer = |&bytes_per_line| BufferFormat {
            bytes_per_line,
            size_image: 0,
        };
        self.with_buffers(&strides.iter().map(buffer).collect::<Vec<_>>())
    }

    /// Asks for this memory of each buffer.
    pub(crate) fn with_buffers(mut self, buffers: &[BufferFormat]) -> Self {
        match &mut self {
            Self::Single(format) => {
                let buffer = buffers.first().copied().unwrap_or_default();
                format.pix.bytesperline = buffer.bytes_per_line;
                format.pix.sizeimage = buffer.size_image;
            }
            Self::Multi(format) => {
                // At most MAX_PLANES, which a u8 holds.
                format.pix.num_planes = u8::try_from(buffers.len()).unwrap_or_default();
                for (plane, buffer) in format.pix.plane_fmt.iter_mut().zip(buffers) {
                    plane.bytesperline = buffer.bytes_per_line;
                    plane.sizeimage = buffer.size_image;
                }
            }
        }
        self
    }

    /// `enum v4l2_field`.
    pub(crate) fn with_field(mut self, field: u32) -> Self {
        match &mut self {
            Self::Single(format) => format.pix.field = field,
            Self::Multi(format) => format.pix.field = field,
        }
        self
    }

    /// Says what the pixels stand for; as a wish to the driver where `is_wish`.
    pub(crate) fn with_colorimetry(mut self, colorimetry: Colorimetry, is_wish: bool) -> Self {
        // The multi-planar struct has a byte for each, which holds every value of the kernel's lists.
        let byte = |value: u32| u8::try_from(value).unwrap_or_default();
        let flags = if is_wish {
            uapi::PIX_FMT_FLAG_SET_CSC
        } else {
            0
        };
        match &mut self {
            Self::Single(SingleFormat { pix, .. }) => {
                pix.flags |= flags;
                pix.colorspace = colorimetry.colorspace;
                pix.ycbcr_enc = colorimetry.ycbcr_encoding;
                pix.quantization = colorimetry.quantization;
                pix.xfer_func = colorimetry.transfer;
            }
            Self::Multi(MultiFormat { pix, .. }) => {
                pix.flags |= byte(flags);
                pix.colorspace = colorimetry.colorspace;
                pix.ycbcr_enc = byte(colorimetry.ycbcr_encoding);
                pix.quantization = byte(colorimetry.quantization);
                pix.xfer_func = byte(colorimetry.transfer);
            }
        }
        self
    }
}

impl From<&RawFormat> for QueueFormat {
    fn from(raw: &RawFormat) -> Self {
        match raw {
            RawFormat::Single(SingleFormat { pix, .. }) => Self {
                width: pix.width,
                height: pix.height,
                code: V4l2Fourcc(pix.pixelformat),
                field: pix.field,
                colorimetry: Colorimetry {
                    colorspace: pix.colorspace,
                    ycbcr_encoding: pix.ycbcr_enc,
                    quantization: pix.quantization,
                    transfer: pix.xfer_func,
                },
                buffers: vec![BufferFormat {
                    bytes_per_line: pix.bytesperline,
                    size_image: pix.sizeimage,
                }],
            },
            RawFormat::Multi(MultiFormat { pix, .. }) => Self {
                width: pix.width,
                height: pix.height,
                code: V4l2Fourcc(pix.pixelformat),
                field: pix.field,
                colorimetry: Colorimetry {
                    colorspace: pix.colorspace,
                    ycbcr_encoding: pix.ycbcr_enc.into(),
                    quantization: pix.quantization.into(),
                    transfer: pix.xfer_func.into(),
                },
                buffers: pix.plane_fmt[..usize::from(pix.num_planes).min(uapi::MAX_BUFFER_PLANES)]
                    .iter()
                    .map(|plane| BufferFormat {
                        bytes_per_line: plane.bytesperline,
                        size_image: plane.sizeimage,
                    })
                    .collect(),
            },
        }
    }
}
