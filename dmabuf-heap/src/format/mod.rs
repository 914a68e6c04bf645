//! Pixel formats and memory layouts by the names of the DRM subsystem.
//!
//! V4L2, DRM, Wayland and GStreamer each have names of their own for the same pixels. Mixing them up gives swapped
//! colours that no error reports. This crate speaks one language inside: the DRM fourcc for the pixels, the DRM
//! modifier for their order in memory, both defined in the kernel's `include/uapi/drm/drm_fourcc.h`.
//! They are open newtypes: a code that this crate has never heard of still passes through.

mod fourcc;
mod modifier;
mod pixel;
mod set;
mod table;

use std::fmt;
use std::str::FromStr;

pub use fourcc::Fourcc;
pub use modifier::Modifier;
pub use pixel::{ColorModel, PixelFormat, PlaneFormat};
pub use set::FormatSet;

/// What a plane of memory holds: the pixels and their order.
///
/// Shown and parsed as GStreamer's `drm-format` and as Weston print it: `NV12` for linear memory, `NV12:0x0100000000000002`
/// for a modifier, `NV12:implicit` where the layout is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Format {
    /// The pixels.
    pub fourcc: Fourcc,
    /// Their order in memory.
    pub modifier: Modifier,
}

impl Format {
    /// Rows of pixels one after the other, the only layout a heap can promise.
    pub const fn linear(fourcc: Fourcc) -> Self {
        Self {
            fourcc,
            modifier: Modifier::LINEAR,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.modifier == Modifier::LINEAR {
            self.fourcc.fmt(f)
        } else {
            write!(f, "{}:{}", self.fourcc, self.modifier)
        }
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (fourcc, modifier) = match text.split_once(':') {
            Some((fourcc, modifier)) => (fourcc.parse()?, modifier.parse()?),
            None => (text.parse()?, Modifier::LINEAR),
        };
        Ok(Self { fourcc, modifier })
    }
}

/// The text is not a fourcc, a DRM format name or a modifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFormatError {
    /// Neither four printable characters nor a name such as `XRGB8888`.
    #[error(
        "\"{0}\" is no DRM fourcc: expected one to four characters such as NV12, or a name such as XRGB8888"
    )]
    Fourcc(String),
    /// Neither a word nor a number.
    #[error(
        "\"{0}\" is no DRM modifier: expected linear, implicit or a number such as 0x0100000000000001"
    )]
    Modifier(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_survive_a_round_trip_through_text() {
        for text in ["NV12", "XR24:implicit", "NV12:0x0100000000000002"] {
            assert_eq!(text.parse::<Format>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn linear_is_the_default_of_a_bare_fourcc() {
        assert_eq!("NV12:linear".parse(), Ok(Format::linear(Fourcc::NV12)));
        assert_eq!("NV12:0x0".parse(), Ok(Format::linear(Fourcc::NV12)));
    }

    #[test]
    fn bad_text_is_named_in_the_error() {
        let error = "NV12:tiled".parse::<Format>().unwrap_err();
        assert!(error.to_string().contains("\"tiled\""), "{error}");
        assert!("not a format".parse::<Format>().is_err());
        assert!("".parse::<Format>().is_err());
    }
}
