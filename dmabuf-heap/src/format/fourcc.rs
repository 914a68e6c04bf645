use std::fmt;
use std::str::FromStr;

use drm_fourcc::{DrmFourcc, UnrecognizedFourcc};

use super::{ParseFormatError, PixelFormat};

/// A DRM fourcc: which components a pixel has, how wide they are, and in which planes they lie.
///
/// The constants carry the names of `DRM_FORMAT_*`. Note that DRM names packed RGB by the little-endian word:
/// `XRGB8888` lies in memory as B, G, R, x, which GStreamer calls `BGRx` and V4L2 `XBGR32`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fourcc(pub u32);

impl Fourcc {
    /// The code of four characters, the first in the lowest byte.
    pub const fn from_bytes(code: &[u8; 4]) -> Self {
        Self(u32::from_le_bytes(*code))
    }

    /// The four characters, padded with spaces, as they stand in the code.
    pub const fn to_bytes(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }
}

impl fmt::Display for Fourcc {
    /// The characters without padding (`NV12`, `R8`), or the number where they are not printable.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.to_bytes();
        match str::from_utf8(&code) {
            Ok(text)
                if code
                    .iter()
                    .all(|&byte| byte == b' ' || byte.is_ascii_graphic()) =>
            {
                f.pad(text.trim_end())
            }
            _ => write!(f, "{:#010x}", self.0),
        }
    }
}

impl fmt::Debug for Fourcc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fourcc({self})")
    }
}

impl FromStr for Fourcc {
    type Err = ParseFormatError;

    /// Reads the characters (`XR24`), the DRM name (`XRGB8888`) or the number (`0x34325258`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseFormatError::Fourcc(text.to_owned());
        if let Some(format) = PixelFormat::all().iter().find(|format| format.name == text) {
            return Ok(format.fourcc);
        }
        if let Some(digits) = text.strip_prefix("0x") {
            let number = u32::from_str_radix(digits, 16).map_err(|_not_a_number| error())?;
            return Ok(Self(number));
        }
        let text = text.trim_end().as_bytes();
        if text.is_empty() || text.len() > 4 || !text.iter().all(u8::is_ascii_graphic) {
            return Err(error());
        }
        let mut code = [b' '; 4];
        code[..text.len()].copy_from_slice(text);
        Ok(Self::from_bytes(&code))
    }
}

impl From<DrmFourcc> for Fourcc {
    fn from(fourcc: DrmFourcc) -> Self {
        Self(fourcc as u32)
    }
}

impl TryFrom<Fourcc> for DrmFourcc {
    type Error = UnrecognizedFourcc;

    fn try_from(fourcc: Fourcc) -> Result<Self, Self::Error> {
        Self::try_from(fourcc.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_the_characters_or_the_number() {
        assert_eq!(Fourcc::NV12.to_string(), "NV12");
        assert_eq!(Fourcc::R8.to_string(), "R8");
        assert_eq!(Fourcc(0x0000_0001).to_string(), "0x00000001");
        assert_eq!(format!("{:>6}", Fourcc::NV12), "  NV12");
    }

    #[test]
    fn characters_names_and_numbers_are_read() {
        for text in ["XR24", "XRGB8888", "0x34325258"] {
            assert_eq!(text.parse(), Ok(Fourcc::XRGB8888), "{text}");
        }
        assert_eq!("R8".parse(), Ok(Fourcc::R8));
        assert!("XRGB9999".parse::<Fourcc>().is_err());
        assert!("0xno".parse::<Fourcc>().is_err());
    }

    #[test]
    fn the_same_code_as_drm_fourcc() {
        assert_eq!(Fourcc::from(DrmFourcc::Xrgb8888), Fourcc::XRGB8888);
        assert_eq!(DrmFourcc::try_from(Fourcc::NV12), Ok(DrmFourcc::Nv12));
        assert!(
            DrmFourcc::try_from(Fourcc::P030).is_err(),
            "newer than the crate's table"
        );
    }
}
