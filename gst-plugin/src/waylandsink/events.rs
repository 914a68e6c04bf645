//! What the surface says, in the words of the sink.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wayland_import::{Clock, ShowError, SurfaceEvent};

use crate::report::chain;
use crate::sink::{self, Event};

/// What the sink has to hear of.
pub(super) fn translate(event: SurfaceEvent) -> Option<Event> {
    match event {
        SurfaceEvent::Shown {
            frame, time, clock, ..
        } => Some(Event::Shown(Some(frame), on_monotonic(clock, time))),
        SurfaceEvent::Unshown { frame, .. } => Some(Event::Unshown(Some(frame))),
        SurfaceEvent::Refused { key, error } => Some(Event::Refused(key, chain(&*error))),
        SurfaceEvent::Resized { .. } => Some(Event::Resized),
        SurfaceEvent::Closed => Some(Event::Closed),
        // The display tells its end itself.
        _ => None,
    }
}

pub(super) fn told(error: ShowError) -> sink::ShowError {
    match error {
        ShowError::Flushing => sink::ShowError::Flushing,
        ShowError::Lost(_) => sink::ShowError::Lost,
        ShowError::Import(error) => sink::ShowError::Import(chain(&*error)),
        error => sink::ShowError::Failed(chain(&error)),
    }
}

/// A time of the compositor's clock on `CLOCK_MONOTONIC`, as far as the two can be compared: now.
fn on_monotonic(clock: Clock, time: Duration) -> Duration {
    let now = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    let clock = match clock {
        Clock::REALTIME => ClockId::Realtime,
        Clock::MONOTONIC_RAW => ClockId::MonotonicRaw,
        _ => return time,
    };
    let ago = now(clock).saturating_sub(time);
    now(ClockId::Monotonic).saturating_sub(ago)
}
