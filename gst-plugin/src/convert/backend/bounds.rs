use v4l2_import::{Choices, Size};

/// Widths and heights, from the smallest to the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Bounds {
    pub min: (u32, u32),
    pub max: (u32, u32),
}

impl Bounds {
    /// Every size that GStreamer can express.
    pub(super) const ANY: Self = Self {
        min: (1, 1),
        max: (i32::MAX.cast_unsigned(), i32::MAX.cast_unsigned()),
    };

    /// What a driver lists; any, where it does not say.
    pub(super) fn of(choices: &Choices<Size>) -> Self {
        match choices {
            Choices::Range { min, max, .. } => Self {
                min: (min.width, min.height),
                max: (max.width, max.height),
            },
            Choices::Discrete(sizes) => {
                let alone = |size: &Size| Self {
                    min: (size.width, size.height),
                    max: (size.width, size.height),
                };
                let all = sizes.iter().map(alone);
                all.reduce(Self::or).unwrap_or(Self::ANY)
            }
        }
    }

    /// From the smaller minimum to the larger maximum.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            min: (self.min.0.min(other.min.0), self.min.1.min(other.min.1)),
            max: (self.max.0.max(other.max.0), self.max.1.max(other.max.1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reaches_from_its_smallest_to_its_largest_side() {
        let size = |width, height| Size { width, height };
        let list = Choices::Discrete(vec![size(640, 480), size(320, 600)]);
        let bounds = Bounds::of(&list);
        assert_eq!((bounds.min, bounds.max), ((320, 480), (640, 600)));
        assert_eq!(Bounds::of(&Choices::Discrete(Vec::new())), Bounds::ANY);
    }
}
