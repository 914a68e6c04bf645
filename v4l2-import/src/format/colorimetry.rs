use std::fmt;

/// What the numbers in a picture stand for, as V4L2 counts it (`Documentation/userspace-api/media/v4l/colorspaces.rst`).
///
/// 0 means "default" everywhere: the driver does not know, or the colour space says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Colorimetry {
    /// `enum v4l2_colorspace`: the primaries, and the defaults of the rest.
    pub colorspace: u32,
    /// `enum v4l2_ycbcr_encoding`: the matrix between RGB and YUV.
    pub ycbcr_encoding: u32,
    /// `enum v4l2_quantization`: 1 is full range, 2 is limited range.
    pub quantization: u32,
    /// `enum v4l2_xfer_func`: the transfer function.
    pub transfer: u32,
}

impl fmt::Display for Colorimetry {
    /// As in `colorspace 3, encoding 0, quantization 0, transfer 0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            colorspace,
            ycbcr_encoding,
            quantization,
            transfer,
        } = self;
        write!(
            f,
            "colorspace {colorspace}, encoding {ycbcr_encoding}, quantization {quantization}, transfer {transfer}"
        )
    }
}
