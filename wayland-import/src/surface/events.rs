//! What the compositor says about a surface.

use std::sync::{Arc, Weak};
use std::time::Duration;

use dmabuf_heap::FormatSet;
use rustix::time::{ClockId, clock_gettime};
use smithay_client_toolkit::dispatch2::Dispatch2;
use wayland_client::backend::ObjectId;
use wayland_client::protocol::wl_callback::{self, WlCallback};
use wayland_client::{Connection, Proxy, QueueHandle, WEnum};
use wayland_protocols::wp::presentation_time::client::wp_presentation_feedback::{
    self, WpPresentationFeedback,
};

use super::core::{Core, State};
use super::{Input, ShownFlags, SurfaceEvent, Unshown};
use crate::buffer::{Buffer, BufferId};
use crate::client::Client;
use crate::display::{Clock, LostError};

/// The callback of a frame: the compositor is ready for the next one.
#[derive(Debug)]
pub(super) struct CallbackData {
    pub(super) core: Weak<Core>,
    pub(super) number: u64,
}

/// When a frame was seen.
#[derive(Debug)]
pub(super) struct FeedbackOfFrame {
    pub(super) core: Weak<Core>,
    pub(super) number: u64,
}

impl Dispatch2<WlCallback, Client> for CallbackData {
    fn event(
        &self,
        _client: &mut Client,
        _callback: &WlCallback,
        event: wl_callback::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        if let (wl_callback::Event::Done { .. }, Some(core)) = (event, self.core.upgrade()) {
            core.called_back(self.number);
        }
    }
}

impl Dispatch2<WpPresentationFeedback, Client> for FeedbackOfFrame {
    fn event(
        &self,
        _client: &mut Client,
        _feedback: &WpPresentationFeedback,
        event: wp_presentation_feedback::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        let Some(core) = self.core.upgrade() else {
            return;
        };
        match event {
            wp_presentation_feedback::Event::Presented {
                tv_sec_hi,
                tv_sec_lo,
                tv_nsec,
                refresh,
                seq_hi,
                seq_lo,
                flags,
            } => {
                let seconds = Duration::from_secs(join(tv_sec_hi, tv_sec_lo));
                let known = match flags {
                    WEnum::Value(flags) => flags.bits(),
                    WEnum::Unknown(bits) => bits,
                };
                core.shown(SurfaceEvent::Shown {
                    frame: self.number,
                    time: seconds.saturating_add(Duration::from_nanos(tv_nsec.into())),
                    refresh: (refresh > 0).then(|| Duration::from_nanos(refresh.into())),
                    sequence: join(seq_hi, seq_lo),
                    clock: core.clock(),
                    flags: ShownFlags::from_bits_truncate(known) - ShownFlags::GUESS,
                });
            }
            wp_presentation_feedback::Event::Discarded => core.discarded(self.number),
            _ => {}
        }
    }
}

fn join(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

impl Core {
    /// Whether this object is the surface of the area.
    pub(crate) fn is_area(&self, id: &ObjectId) -> bool {
        self.area.surface.id() == *id
    }

    /// An import has been answered.
    pub(crate) fn settled(&self, buffer: &Buffer) {
        let mut state = self.lock();
        match buffer.refusal() {
            None => self.advance(&mut state),
            Some(error) => {
                let refused = state.line.refused(buffer.id);
                if let Some(shot) = refused {
                    state.stats.refused += 1;
                    self.tell(SurfaceEvent::Refused {
                        key: buffer.key,
                        error,
                    });
                    self.unshown(&mut state, shot, Unshown::Refused);
                }
            }
        }
        self.notify(state);
    }

    /// A buffer is free.
    pub(crate) fn released(&self, id: BufferId) {
        let mut state = self.lock();
        for shot in state.line.released(id) {
            state.stats.released += 1;
            self.give_back(&mut state, shot);
        }
        self.advance(&mut state);
        self.notify(state);
    }

    /// The window has a size, or may have any.
    pub(crate) fn configured(&self, width: Option<u32>, height: Option<u32>) {
        let mut state = self.lock();
        let size = (
            width.unwrap_or(state.size.0),
            height.unwrap_or(state.size.1),
        );
        self.resized(&mut state, size);
        state.is_configured = true;
        if state.backdrop.is_some() {
            self.dress(&mut state);
            self.area.surface.commit();
        }
        self.advance(&mut state);
        self.notify(state);
    }

    /// Notes another size of the area.
    pub(super) fn resized(&self, state: &mut State, size: (u32, u32)) {
        let before = std::mem::replace(&mut state.size, size);
        if before != size && state.is_configured {
            let (width, height) = size;
            self.tell(SurfaceEvent::Resized { width, height });
        }
    }

    pub(crate) fn closed(&self) {
        self.tell(SurfaceEvent::Closed);
    }

    pub(crate) fn heard(&self, input: Input) {
        self.tell(SurfaceEvent::Input(input));
    }

    /// This surface's own feedback.
    pub(crate) fn formats_changed(&self, formats: FormatSet) {
        if self.set_formats(formats) {
            self.link.buffers.distrust();
            self.tell(SurfaceEvent::FormatsChanged);
        }
    }

    /// The feedback for all surfaces.
    pub(crate) fn display_formats_changed(&self) {
        self.tell(SurfaceEvent::FormatsChanged);
    }

    /// The connection has ended: the compositor reads nothing any more.
    pub(crate) fn lose(&self, error: &Arc<LostError>) {
        let mut state = self.lock();
        state.lost = Some(Arc::clone(error));
        for shot in state.line.clear() {
            self.give_back(&mut state, shot);
        }
        self.tell(SurfaceEvent::Lost(Arc::clone(error)));
        self.notify(state);
    }

    fn called_back(&self, number: u64) {
        let mut state = self.lock();
        if !state.line.called_back(number) {
            return;
        }
        if !self.has_presentation() {
            state.stats.shown += 1;
            let now = clock_gettime(ClockId::Monotonic);
            self.tell(SurfaceEvent::Shown {
                frame: number,
                time: Duration::try_from(now).unwrap_or_default(),
                refresh: None,
                sequence: 0,
                clock: Clock::MONOTONIC,
                flags: ShownFlags::GUESS,
            });
        }
        self.advance(&mut state);
        self.notify(state);
    }

    fn shown(&self, event: SurfaceEvent) {
        let mut state = self.lock();
        state.stats.shown += 1;
        self.tell(event);
        self.notify(state);
    }

    fn discarded(&self, number: u64) {
        self.lock().stats.discarded += 1;
        self.tell(SurfaceEvent::Unshown {
            frame: number,
            why: Unshown::Superseded,
        });
    }

    fn clock(&self) -> Clock {
        self.link
            .offers
            .presentation_clock
            .unwrap_or(Clock::MONOTONIC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_counts_come_in_halves() {
        assert_eq!(join(1, 2), (1 << 32) + 2);
        assert_eq!(join(u32::MAX, u32::MAX), u64::MAX);
    }
}
