use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Format, Fourcc, Modifier};

/// The formats that a device, a plane or a surface can take.
///
/// All negotiation is set arithmetic on these. The order of formats means nothing, so that two sets with the same
/// members are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatSet {
    modifiers: BTreeMap<Fourcc, BTreeSet<Modifier>>,
}

impl FormatSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a format; false if it was there.
    pub fn insert(&mut self, format: Format) -> bool {
        self.modifiers
            .entry(format.fourcc)
            .or_default()
            .insert(format.modifier)
    }

    /// Whether this very pair of fourcc and modifier is a member.
    pub fn contains(&self, format: Format) -> bool {
        self.modifiers
            .get(&format.fourcc)
            .is_some_and(|modifiers| modifiers.contains(&format.modifier))
    }

    /// What both sets have.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter()
            .filter(|&format| other.contains(format))
            .collect()
    }

    /// The fourccs, each once.
    pub fn fourccs(&self) -> impl Iterator<Item = Fourcc> + '_ {
        self.modifiers.keys().copied()
    }

    /// The modifiers this fourcc comes with; none if the fourcc is not in the set.
    pub fn modifiers(&self, fourcc: Fourcc) -> impl Iterator<Item = Modifier> + '_ {
        self.modifiers.get(&fourcc).into_iter().flatten().copied()
    }

    /// All pairs.
    pub fn iter(&self) -> impl Iterator<Item = Format> + '_ {
        self.modifiers.iter().flat_map(|(&fourcc, modifiers)| {
            modifiers
                .iter()
                .map(move |&modifier| Format { fourcc, modifier })
        })
    }

    /// The number of pairs.
    pub fn len(&self) -> usize {
        self.modifiers.values().map(BTreeSet::len).sum()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.modifiers.is_empty()
    }
}

impl FromIterator<Format> for FormatSet {
    fn from_iter<I: IntoIterator<Item = Format>>(formats: I) -> Self {
        let mut set = Self::new();
        set.extend(formats);
        set
    }
}

impl Extend<Format> for FormatSet {
    fn extend<I: IntoIterator<Item = Format>>(&mut self, formats: I) {
        for format in formats {
            self.insert(format);
        }
    }
}

impl fmt::Display for FormatSet {
    /// Short enough for an error message: `NV12, XR24 (linear, 0x0100000000000001)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("no format");
        }
        for (index, (fourcc, modifiers)) in self.modifiers.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(f, "{separator}{fourcc}")?;
            if modifiers.iter().ne([&Modifier::LINEAR]) {
                let modifiers: Vec<_> = modifiers.iter().map(ToString::to_string).collect();
                write!(f, " ({})", modifiers.join(", "))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILED: Modifier = Modifier(0x0100_0000_0000_0001);

    fn tiled(fourcc: Fourcc) -> Format {
        Format {
            fourcc,
            modifier: TILED,
        }
    }

    #[test]
    fn intersection_keeps_only_pairs_of_both() {
        let camera: FormatSet = [Format::linear(Fourcc::NV12), tiled(Fourcc::XRGB8888)]
            .into_iter()
            .collect();
        let display: FormatSet = [
            Format::linear(Fourcc::NV12),
            Format::linear(Fourcc::XRGB8888),
        ]
        .into_iter()
        .collect();
        let both = camera.intersection(&display);
        assert_eq!(
            both.iter().collect::<Vec<_>>(),
            [Format::linear(Fourcc::NV12)]
        );
        assert_eq!(both, display.intersection(&camera));
    }

    #[test]
    fn equality_does_not_depend_on_the_order_of_insertion() {
        let formats = [
            Format::linear(Fourcc::NV12),
            tiled(Fourcc::NV12),
            tiled(Fourcc::YUYV),
        ];
        let forward: FormatSet = formats.into_iter().collect();
        let backward: FormatSet = formats.into_iter().rev().collect();
        assert_eq!(forward, backward);
        assert_eq!((forward.len(), forward.fourccs().count()), (3, 2));
        assert_eq!(
            forward.modifiers(Fourcc::NV12).collect::<Vec<_>>(),
            [Modifier::LINEAR, TILED]
        );
        assert_eq!(forward.modifiers(Fourcc::XRGB8888).count(), 0);
    }

    #[test]
    fn text_names_modifiers_only_where_they_are_not_just_linear() {
        let mut set = FormatSet::new();
        assert_eq!(set.to_string(), "no format");
        assert!(set.insert(Format::linear(Fourcc::NV12)));
        assert!(!set.insert(Format::linear(Fourcc::NV12)));
        set.insert(tiled(Fourcc::XRGB8888));
        assert_eq!(set.to_string(), "NV12, XR24 (0x0100000000000001)");
    }
}
