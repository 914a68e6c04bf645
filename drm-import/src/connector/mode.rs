use std::fmt;

use drm::control::{ModeFlags, ModeTypeFlags};

/// Size and rate of a display.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode {
    /// Visible width in pixels.
    pub width: u32,
    /// Visible height in pixels.
    pub height: u32,
    /// Refreshes per 1000 seconds; 0 where the driver tells no timings.
    pub refresh_millihertz: u32,
}

impl Mode {
    pub(crate) fn from_kernel(mode: &drm::control::Mode) -> Mode {
        let (width, height) = mode.size();
        let timing = Timing {
            clock_khz: mode.clock(),
            total: (mode.hsync().2, mode.vsync().2),
            interlaced: mode.flags().contains(ModeFlags::INTERLACE),
            doubled: mode.flags().contains(ModeFlags::DBLSCAN),
            scans: mode.vscan(),
        };
        Mode {
            width: width.into(),
            height: height.into(),
            refresh_millihertz: timing.refresh_millihertz(),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mode {
            width,
            height,
            refresh_millihertz,
        } = self;
        write!(
            f,
            "{width}x{height}@{}.{:03}",
            refresh_millihertz / 1000,
            refresh_millihertz % 1000
        )
    }
}

/// The mode that the kernel command line asks for (`video=`), else the one that the display prefers, else its first.
pub(super) fn preferred(modes: &[drm::control::Mode]) -> Option<drm::control::Mode> {
    let first_of = |kind| modes.iter().find(|mode| mode.mode_type().contains(kind));
    first_of(ModeTypeFlags::USERDEF)
        .or_else(|| first_of(ModeTypeFlags::PREFERRED))
        .or_else(|| modes.first())
        .copied()
}

struct Timing {
    clock_khz: u32,
    total: (u16, u16),
    interlaced: bool,
    doubled: bool,
    scans: u16,
}

impl Timing {
    /// As `drm_mode_vrefresh()` counts, but in thousandths.
    fn refresh_millihertz(&self) -> u32 {
        let mut pixels = u64::from(self.total.0) * u64::from(self.total.1);
        let mut rate = u64::from(self.clock_khz) * 1_000_000;
        if self.interlaced {
            rate *= 2;
        }
        if self.doubled {
            pixels *= 2;
        }
        pixels *= u64::from(self.scans.max(1));
        if pixels == 0 {
            return 0;
        }
        u32::try_from((rate + pixels / 2) / pixels).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL_HD: Timing = Timing {
        clock_khz: 148_500,
        total: (2200, 1125),
        interlaced: false,
        doubled: false,
        scans: 0,
    };

    #[test]
    fn the_rate_of_full_hd_is_sixty_hertz() {
        assert_eq!(FULL_HD.refresh_millihertz(), 60_000);
    }

    #[test]
    fn fields_count_twice() {
        let interlaced = Timing {
            clock_khz: 74_250,
            interlaced: true,
            ..FULL_HD
        };
        assert_eq!(interlaced.refresh_millihertz(), 60_000);
    }

    #[test]
    fn no_timings_give_no_rate() {
        assert_eq!(
            Timing {
                total: (0, 0),
                ..FULL_HD
            }
            .refresh_millihertz(),
            0
        );
    }

    #[test]
    fn a_mode_is_written_with_three_decimals() {
        let mode = Mode {
            width: 1024,
            height: 768,
            refresh_millihertz: 60_004,
        };
        assert_eq!(mode.to_string(), "1024x768@60.004");
    }
}
