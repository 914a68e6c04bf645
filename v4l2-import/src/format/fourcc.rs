use std::fmt;

use dmabuf_heap::{Fourcc, PixelFormat};

use super::table::{Entry, TABLE};

/// A V4L2 pixel format, `V4L2_PIX_FMT_*`: which components a pixel has, and over how many buffers its planes spread.
///
/// V4L2 and DRM share many codes, and mean different things by some of them; V4L2 also has two codes where DRM has one:
/// `NV12` is one buffer, `NM12` (`V4L2_PIX_FMT_NV12M`) is two.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct V4l2Fourcc(pub u32);

impl V4l2Fourcc {
    /// The code of four characters, the first in the lowest byte.
    pub const fn from_bytes(code: &[u8; 4]) -> Self {
        Self(u32::from_le_bytes(*code))
    }

    /// The DRM format with the same pixels; `None` for compressed, raw Bayer, tiled and other formats without one.
    pub fn drm(self) -> Option<Fourcc> {
        self.entry().map(|entry| entry.drm)
    }

    /// The buffers that a picture spreads over: 1, or the number of planes in the multi-planar variants (`NV12M`).
    /// `None` where [`drm`](Self::drm) is.
    pub fn buffers(self) -> Option<usize> {
        let entry = self.entry()?;
        if !entry.is_split {
            return Some(1);
        }
        PixelFormat::find(entry.drm).map(|format| format.planes().len())
    }

    /// Whether each plane lies in a buffer of its own.
    pub(crate) fn is_split(self) -> bool {
        self.entry().is_some_and(|entry| entry.is_split)
    }

    /// The V4L2 formats with the pixels of a DRM format, those in one buffer first.
    pub fn of(fourcc: Fourcc) -> impl Iterator<Item = Self> {
        TABLE
            .iter()
            .filter(move |entry| entry.drm == fourcc || entry.also == Some(fourcc))
            .map(|entry| entry.code)
    }

    /// Whether pictures in this format are frames of that DRM format.
    pub(crate) fn shows(self, fourcc: Fourcc) -> bool {
        self.entry()
            .is_some_and(|entry| entry.drm == fourcc || entry.also == Some(fourcc))
    }

    fn entry(self) -> Option<&'static Entry> {
        TABLE.iter().find(|entry| entry.code == self)
    }
}

impl fmt::Display for V4l2Fourcc {
    /// The characters, as `v4l2-ctl` prints them, with `-BE` where the highest bit says so; else the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BIG_ENDIAN: u32 = 1 << 31;
        let code = (self.0 & !BIG_ENDIAN).to_le_bytes();
        let is_printable = code
            .iter()
            .all(|&byte| byte == b' ' || byte.is_ascii_graphic());
        match str::from_utf8(&code) {
            Ok(text) if is_printable && self.0 & BIG_ENDIAN != 0 => {
                f.pad(&format!("{}-BE", text.trim_end()))
            }
            Ok(text) if is_printable => f.pad(text.trim_end()),
            _ => write!(f, "{:#010x}", self.0),
        }
    }
}

impl fmt::Debug for V4l2Fourcc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "V4l2Fourcc({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> V4l2Fourcc {
        let bytes: [u8; 4] = text.as_bytes().try_into().expect("four characters");
        V4l2Fourcc::from_bytes(&bytes)
    }

    /// Both sides name 32-bit RGB by opposite ends of the word.
    #[test]
    fn rgb_is_matched_by_its_bytes_in_memory() {
        for (v4l2, drm) in [
            ("BGR3", Fourcc::RGB888),
            ("RGB3", Fourcc::BGR888),
            ("XR24", Fourcc::XRGB8888),
            ("AR24", Fourcc::ARGB8888),
            ("BX24", Fourcc::BGRX8888),
            ("XB24", Fourcc::XBGR8888),
            ("RGB4", Fourcc::BGRX8888),
            ("BGR4", Fourcc::XRGB8888),
            ("RGBP", Fourcc::RGB565),
            ("GA12", Fourcc::BGRA4444),
        ] {
            assert_eq!(code(v4l2).drm(), Some(drm), "{v4l2}");
        }
    }

    #[test]
    fn one_drm_format_has_a_code_for_each_number_of_buffers() {
        let codes = |fourcc| {
            V4l2Fourcc::of(fourcc)
                .map(|code| (code.to_string(), code.buffers().expect("in the table")))
                .collect::<Vec<_>>()
        };
        let pairs = |pairs: &[(&str, usize)]| -> Vec<_> {
            pairs
                .iter()
                .map(|&(code, buffers)| (code.to_owned(), buffers))
                .collect()
        };
        assert_eq!(codes(Fourcc::NV12), pairs(&[("NV12", 1), ("NM12", 2)]));
        assert_eq!(codes(Fourcc::YUV420), pairs(&[("YU12", 1), ("YM12", 3)]));
        assert_eq!(codes(Fourcc::YVU420), pairs(&[("YV12", 1), ("YM21", 3)]));
        assert_eq!(codes(Fourcc::YUV444), pairs(&[("YM24", 3)]));
        assert_eq!(codes(Fourcc::Y8), pairs(&[("GREY", 1)]));
        assert_eq!(codes(Fourcc::R8), pairs(&[("GREY", 1)]));
    }

    #[test]
    fn every_code_stands_once_and_means_a_format_of_the_table() {
        for (index, entry) in TABLE.iter().enumerate() {
            assert!(
                PixelFormat::find(entry.drm).is_some(),
                "{:?} → {}",
                entry.code,
                entry.drm
            );
            let again = TABLE[..index].iter().any(|other| other.code == entry.code);
            assert!(!again, "{} stands twice", entry.code);
            let planes = PixelFormat::find(entry.drm).map(|format| format.planes().len());
            assert!(
                !entry.is_split || planes > Some(1),
                "{} has no planes to split",
                entry.code
            );
        }
    }

    proptest! {
        /// Of any number, those of the table more often.
        #[test]
        fn both_ways_through_the_table_agree(
            number in any::<u32>(),
            index in 0..TABLE.len(),
            is_known in any::<bool>(),
        ) {
            let code = if is_known { TABLE[index].code } else { V4l2Fourcc(number) };
            prop_assert_eq!(code.drm().is_some(), code.buffers().is_some());
            prop_assert!(!is_known || code.drm().is_some());
            if let Some(drm) = code.drm() {
                prop_assert!(code.shows(drm));
                prop_assert!(V4l2Fourcc::of(drm).any(|other| other == code));
                let split: Vec<_> = V4l2Fourcc::of(drm).map(V4l2Fourcc::is_split).collect();
                prop_assert!(split.is_sorted(), "formats in one buffer stand first");
                let planes = PixelFormat::find(drm).map(|format| format.planes().len());
                let expected = if code.is_split() { planes } else { Some(1) };
                prop_assert_eq!(code.buffers(), expected);
            }
            prop_assert!(!code.to_string().is_empty());
        }
    }

    #[test]
    fn what_has_no_linear_pixels_has_no_drm_format() {
        for text in ["MJPG", "H264", "BA81", "ST12", "HSV3"] {
            assert_eq!(code(text).drm(), None, "{text}");
            assert_eq!(code(text).buffers(), None, "{text}");
        }
    }

    #[test]
    fn text_is_that_of_v4l2_ctl() {
        assert_eq!(code("Y16 ").to_string(), "Y16");
        assert_eq!(V4l2Fourcc(code("Y16 ").0 | 1 << 31).to_string(), "Y16-BE");
        assert_eq!(V4l2Fourcc(1).to_string(), "0x00000001");
    }
}
