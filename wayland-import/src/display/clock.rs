use std::fmt;

/// A clock of the system, by the number that `clock_gettime` knows it under (`<time.h>`).
///
/// A compositor announces it once (`wp_presentation.clock_id`); it need not be the monotonic one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Clock(pub u32);

impl Clock {
    /// `CLOCK_REALTIME`
    pub const REALTIME: Clock = Clock(0);
    /// `CLOCK_MONOTONIC`
    pub const MONOTONIC: Clock = Clock(1);
    /// `CLOCK_MONOTONIC_RAW`, which Weston's headless backend uses.
    pub const MONOTONIC_RAW: Clock = Clock(4);
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Clock::REALTIME => f.write_str("CLOCK_REALTIME"),
            Clock::MONOTONIC => f.write_str("CLOCK_MONOTONIC"),
            Clock::MONOTONIC_RAW => f.write_str("CLOCK_MONOTONIC_RAW"),
            Clock(number) => write!(f, "clock {number}"),
        }
    }
}
