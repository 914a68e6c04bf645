use std::fmt;

/// The matrix that turns `Y'CbCr` into RGB.
///
/// KMS has it as the plane property `COLOR_ENCODING`, Wayland as the coefficients of `color-representation-v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum YuvEncoding {
    /// ITU-R BT.601, standard definition.
    Bt601,
    /// ITU-R BT.709, high definition.
    Bt709,
    /// ITU-R BT.2020, non-constant luminance.
    Bt2020,
}

/// The numbers that black and white have.
///
/// KMS has it as the plane property `COLOR_RANGE`, Wayland as the range of `color-representation-v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum YuvRange {
    /// 16 to 235 in luma, 16 to 240 in chroma.
    Limited,
    /// 0 to 255.
    Full,
}

/// Where the chroma samples of 4:2:0 lie between the luma samples: `Chroma420SampleLocType` of ITU-T H.273.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChromaSiting {
    /// Type 0, of MPEG-2 and most cameras: on the left luma column, between two rows.
    Left,
    /// Type 1, of JPEG: in the middle of four luma samples.
    Center,
    /// Type 2, of BT.2020: on the left luma column and the upper row.
    TopLeft,
    /// Type 3: between two columns, on the upper row.
    Top,
    /// Type 4: on the left luma column and the lower row.
    BottomLeft,
    /// Type 5: between two columns, on the lower row.
    Bottom,
}

/// How the numbers of a YUV frame mean colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct YuvColor {
    /// The matrix.
    pub encoding: YuvEncoding,
    /// The range.
    pub range: YuvRange,
    /// Where chroma lies; `None` if nobody says.
    pub siting: Option<ChromaSiting>,
}

impl YuvColor {
    /// A matrix and a range, without a word on where chroma lies.
    pub const fn new(encoding: YuvEncoding, range: YuvRange) -> YuvColor {
        YuvColor {
            encoding,
            range,
            siting: None,
        }
    }

    /// The same with chroma at this place.
    #[must_use]
    pub const fn sited(self, siting: ChromaSiting) -> YuvColor {
        YuvColor {
            siting: Some(siting),
            ..self
        }
    }
}

impl fmt::Display for YuvColor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoding = match self.encoding {
            YuvEncoding::Bt601 => "BT.601",
            YuvEncoding::Bt709 => "BT.709",
            YuvEncoding::Bt2020 => "BT.2020",
        };
        let range = match self.range {
            YuvRange::Limited => "limited",
            YuvRange::Full => "full",
        };
        write!(f, "{encoding} in {range} range")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_read_as_people_say_them() {
        let color = YuvColor::new(YuvEncoding::Bt601, YuvRange::Limited).sited(ChromaSiting::Left);
        assert_eq!(color.to_string(), "BT.601 in limited range");
    }
}
