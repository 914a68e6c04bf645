use std::fmt;

use crate::device::text;
use crate::uapi::{QueryControl, QueryMenu};

/// The number of a control, `V4L2_CID_*`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControlId(pub u32);

impl ControlId {
    /// `V4L2_CID_HFLIP`: left and right are swapped.
    pub const HORIZONTAL_FLIP: Self = Self(0x0098_0914);
    /// `V4L2_CID_VFLIP`: top and bottom are swapped.
    pub const VERTICAL_FLIP: Self = Self(0x0098_0915);
    /// `V4L2_CID_ROTATE`: degrees, clockwise. By 90 and 270, width and height of the capture format are swapped.
    pub const ROTATE: Self = Self(0x0098_0922);
    /// `V4L2_CID_MIN_BUFFERS_FOR_CAPTURE`
    pub const MIN_BUFFERS_FOR_CAPTURE: Self = Self(0x0098_0927);
    /// `V4L2_CID_MIN_BUFFERS_FOR_OUTPUT`
    pub const MIN_BUFFERS_FOR_OUTPUT: Self = Self(0x0098_0928);
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#010x}", self.0)
    }
}

impl fmt::Debug for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ControlId({self})")
    }
}

/// What kind of value a control has (`enum v4l2_ctrl_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ControlKind {
    /// A number of 32 bits.
    Integer,
    /// 0 or 1.
    Boolean,
    /// One of several names.
    Menu,
    /// Does something when it is set to anything.
    Button,
    /// A number of 64 bits.
    Integer64,
    /// Text.
    Text,
    /// Bits.
    Bitmask,
    /// One of several numbers.
    IntegerMenu,
    /// Arrays and structs, by their number; this crate only lists them.
    Other(u32),
}

impl ControlKind {
    const fn new(kind: u32, is_array: bool) -> Self {
        match kind {
            other if is_array => Self::Other(other),
            1 => Self::Integer,
            2 => Self::Boolean,
            3 => Self::Menu,
            4 => Self::Button,
            5 => Self::Integer64,
            7 => Self::Text,
            8 => Self::Bitmask,
            9 => Self::IntegerMenu,
            other => Self::Other(other),
        }
    }

    pub(super) const fn is_wide(self) -> bool {
        matches!(self, Self::Integer64)
    }

    /// Masks are unsigned; the kernel has them in signed numbers of 32 bits.
    pub(super) fn unsigned(self, number: i64) -> i64 {
        match self {
            Self::Bitmask => number & i64::from(u32::MAX),
            _ => number,
        }
    }

    /// The other way round.
    pub(super) fn signed(self, number: i64) -> i64 {
        match (self, u32::try_from(number)) {
            (Self::Bitmask, Ok(mask)) => mask.cast_signed().into(),
            _ => number,
        }
    }

    /// The text of an entry of a menu of this kind.
    pub(super) fn entry(self, query: &QueryMenu) -> String {
        if self != Self::IntegerMenu {
            return text(&query.name);
        }
        let mut value = [0; 8];
        value.copy_from_slice(&query.name[..8]);
        i64::from_ne_bytes(value).to_string()
    }
}

/// One control of a device (`VIDIOC_QUERY_EXT_CTRL`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlInfo {
    /// Its number.
    pub id: ControlId,
    /// As `v4l2-ctl` spells it: `horizontal_flip`.
    pub name: String,
    /// As the driver spells it: `Horizontal Flip`.
    pub title: String,
    /// What it can be set to.
    pub kind: ControlKind,
    /// The smallest value; of a text, the smallest length.
    pub minimum: i64,
    /// The largest value; of a text, the largest length.
    pub maximum: i64,
    /// From one value to the next.
    pub step: u64,
    /// Where the driver starts.
    pub default: i64,
    /// It cannot be set.
    pub is_read_only: bool,
    /// It has no effect as long as some other control is set as it is.
    pub is_inactive: bool,
}

impl ControlInfo {
    /// `None` for what is listed among controls and is none: headings, and what the driver disabled.
    pub(super) fn new(query: &QueryControl) -> Option<Self> {
        const CLASS: u32 = 6;
        const DISABLED: u32 = 1;
        const READ_ONLY: u32 = 4;
        const INACTIVE: u32 = 0x10;
        if query.kind == CLASS || query.flags & DISABLED != 0 {
            return None;
        }
        let title = text(&query.name);
        Some(Self {
            id: ControlId(query.id),
            name: spell(&title),
            title,
            kind: ControlKind::new(query.kind, query.nr_of_dims > 0),
            minimum: query.minimum,
            maximum: query.maximum,
            step: query.step,
            default: query.default_value,
            is_read_only: query.flags & READ_ONLY != 0,
            is_inactive: query.flags & INACTIVE != 0,
        })
    }

    /// Whether a number is one that the control can have.
    pub(super) fn accepts(&self, number: i64) -> bool {
        match self.kind {
            ControlKind::Button => true,
            ControlKind::Text | ControlKind::Other(_) => false,
            // The maximum is the mask of all bits, as an unsigned number of 32 bits.
            ControlKind::Bitmask => number & !(self.maximum & i64::from(u32::MAX)) == 0,
            _ => (self.minimum..=self.maximum).contains(&number),
        }
    }

    /// As in `0 to 255 in steps of 1`.
    pub(super) fn range(&self) -> String {
        let Self {
            minimum,
            maximum,
            step,
            ..
        } = self;
        match self.kind {
            ControlKind::Text => format!("a text of {minimum} to {maximum} bytes"),
            ControlKind::Button => "a button".to_owned(),
            ControlKind::Other(kind) => format!("a value of the compound type {kind:#x}"),
            _ => format!("{minimum} to {maximum} in steps of {step}"),
        }
    }
}

/// Letters and digits in lower case, and one underscore for everything between.
fn spell(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(kind: u32, minimum: i64, maximum: i64) -> ControlInfo {
        let mut query = QueryControl {
            id: 0x0098_0914,
            kind,
            minimum,
            maximum,
            step: 1,
            ..QueryControl::default()
        };
        query.name[..15].copy_from_slice(b"Horizontal Flip");
        ControlInfo::new(&query).expect("a control")
    }

    #[test]
    fn names_are_those_of_v4l2_ctl() {
        assert_eq!(control(2, 0, 1).name, "horizontal_flip");
        assert_eq!(spell("White Balance, Automatic"), "white_balance_automatic");
        assert_eq!(spell("  S-Pos: 3 "), "s_pos_3");
    }

    #[test]
    fn headings_and_disabled_controls_are_no_controls() {
        for query in [
            QueryControl {
                kind: 6,
                ..QueryControl::default()
            },
            QueryControl {
                kind: 1,
                flags: 1,
                ..QueryControl::default()
            },
        ] {
            assert_eq!(ControlInfo::new(&query), None);
        }
    }

    #[test]
    fn masks_are_unsigned() {
        let kind = ControlKind::Bitmask;
        assert_eq!(kind.signed(0x8000_0001), i64::from(i32::MIN) + 1);
        assert_eq!(kind.unsigned(i64::from(i32::MIN) + 1), 0x8000_0001);
        assert_eq!(ControlKind::Integer.unsigned(-5), -5);
    }

    #[test]
    fn a_range_is_that_of_the_kind() {
        assert!(control(1, -5, 5).accepts(-5) && !control(1, -5, 5).accepts(6));
        assert!(control(8, 0, 0x8000_0001).accepts(0x8000_0000));
        assert!(!control(8, 0, 0x8000_0001).accepts(2));
        assert!(control(4, 0, 0).accepts(7));
        assert!(!control(7, 0, 31).accepts(7));
    }
}
