use std::fmt;
use std::str::FromStr;

use drm_fourcc::DrmModifier;

use super::ParseFormatError;

/// A DRM format modifier: how the pixels of a plane are ordered, tiled or compressed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Modifier(pub u64);

impl Modifier {
    /// Rows of pixels from top to bottom, without tiling or compression.
    pub const LINEAR: Self = Self(0);

    /// Nobody says: exporter and importer are the same driver and know the layout by other means.
    /// Only good between peers that agree on it; never a wish.
    pub const INVALID: Self = Self(0x00ff_ffff_ffff_ffff);
}

impl fmt::Display for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LINEAR => f.pad("linear"),
            Self::INVALID => f.pad("implicit"),
            Self(number) => write!(f, "{number:#018x}"),
        }
    }
}

impl fmt::Debug for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Modifier({self})")
    }
}

impl FromStr for Modifier {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = match text {
            "linear" => return Ok(Self::LINEAR),
            "implicit" => return Ok(Self::INVALID),
            _ => match text.strip_prefix("0x") {
                Some(digits) => u64::from_str_radix(digits, 16),
                None => text.parse(),
            },
        };
        number
            .map(Self)
            .map_err(|_not_a_number| ParseFormatError::Modifier(text.to_owned()))
    }
}

impl From<DrmModifier> for Modifier {
    fn from(modifier: DrmModifier) -> Self {
        Self(modifier.into())
    }
}

/// Never fails: `drm-fourcc` keeps a number that it does not know.
impl From<Modifier> for DrmModifier {
    fn from(modifier: Modifier) -> Self {
        Self::from(modifier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_special_values_have_words() {
        assert_eq!(Modifier::LINEAR.to_string(), "linear");
        assert_eq!(Modifier::INVALID.to_string(), "implicit");
        assert_eq!(
            Modifier(0x0100_0000_0000_0001).to_string(),
            "0x0100000000000001"
        );
    }

    #[test]
    fn unknown_modifiers_survive_drm_fourcc() {
        for modifier in [
            Modifier::LINEAR,
            Modifier::INVALID,
            Modifier(0x0e00_0000_0000_1234),
        ] {
            assert_eq!(Modifier::from(DrmModifier::from(modifier)), modifier);
        }
    }
}
