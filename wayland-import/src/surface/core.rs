//! The part of a surface that the event thread shares.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use dmabuf_heap::{FormatSet, Orientation, Placement, Rect};
use smithay_client_toolkit::shell::xdg::window::Window;
use wayland_client::protocol::wl_subsurface::WlSubsurface;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::ZwpLinuxDmabufFeedbackV1;
use wayland_protocols::wp::viewporter::client::wp_viewport::WpViewport;

use super::backdrop::Backdrop;
use super::color::ColorState;
use super::geometry::Geometry;
use super::line::{Line, Shot};
use super::picture::Picture;
use super::view::View;
use super::{PlacementError, ShowError, SurfaceEvent, SurfaceStats, Unshown};
use crate::contain::Keep;
use crate::display::LostError;
use crate::link::Link;
use crate::outbox::{Effect, Listener};

/// A surface: an area, black, and in it the video. Requests are made under the state's lock, which keeps their order.
pub(crate) struct Core {
    pub(super) this: Weak<Core>,
    pub(super) link: Arc<Link>,
    pub(super) area: Canvas,
    pub(super) video: Canvas,
    /// The video's place in the area.
    pub(super) place: WlSubsurface,
    pub(super) role: Mutex<Option<Role>>,
    pub(super) feedback: Mutex<Option<ZwpLinuxDmabufFeedbackV1>>,
    formats: Mutex<Option<FormatSet>>,
    listener: Mutex<Option<Listener>>,
    state: Mutex<State>,
    /// Something has been settled: a release, a size, the end.
    settled: Condvar,
}

/// A surface object and its viewport.
#[derive(Debug)]
pub(super) struct Canvas {
    pub(super) surface: WlSurface,
    pub(super) viewport: Option<WpViewport>,
}

/// What the area is to the compositor.
#[derive(Debug)]
pub(super) enum Role {
    Window(Window),
    #[cfg_attr(
        not(feature = "foreign"),
        expect(dead_code, reason = "made of the application's surface only")
    )]
    Embedded(WlSubsurface),
}

pub(super) struct State {
    /// Size of the area in pixels.
    pub(super) size: (u32, u32),
    /// Whether the compositor lets the area be mapped.
    pub(super) is_configured: bool,
    pub(super) backdrop: Option<Backdrop>,
    /// What the video shows while it is blank.
    pub(super) black: Option<Backdrop>,
    pub(super) line: Line<Picture, View>,
    /// How frames are turned from now on.
    pub(super) orientation: Orientation,
    /// What the video shows, as it was sent.
    pub(super) sent: Option<View>,
    pub(super) color: ColorState,
    pub(super) last_number: u64,
    pub(super) stats: SurfaceStats,
    /// Frames whose keeps are about to be dropped.
    pub(super) releasing: u32,
    /// Who waits for a change.
    waiters: u32,
    pub(super) is_flushing: bool,
    pub(super) is_gone: bool,
    pub(super) lost: Option<Arc<LostError>>,
}

impl Core {
    pub(super) fn new(
        link: &Arc<Link>,
        area: Canvas,
        video: Canvas,
        place: WlSubsurface,
        size: (u32, u32),
    ) -> Arc<Core> {
        Arc::new_cyclic(|this| Core {
            this: this.clone(),
            link: Arc::clone(link),
            area,
            video,
            place,
            role: Mutex::default(),
            feedback: Mutex::default(),
            formats: Mutex::default(),
            listener: Mutex::default(),
            state: Mutex::new(State {
                size,
                is_configured: false,
                backdrop: None,
                black: None,
                line: Line::new(),
                orientation: Orientation::Identity,
                sent: None,
                color: ColorState::default(),
                last_number: 0,
                stats: SurfaceStats::default(),
                releasing: 0,
                waiters: 0,
                is_flushing: false,
                is_gone: false,
                lost: link.lost(),
            }),
            settled: Condvar::new(),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_listener(&self, listener: Listener) {
        *lock(&self.listener) = Some(listener);
    }

    pub(crate) fn formats(&self) -> FormatSet {
        lock(&self.formats)
            .clone()
            .unwrap_or_else(|| self.link.formats())
    }

    pub(super) fn set_formats(&self, formats: FormatSet) -> bool {
        lock(&self.formats).replace(formats.clone()) != Some(formats)
    }

    pub(super) fn size(&self) -> (u32, u32) {
        self.lock().size
    }

    pub(super) fn stats(&self) -> SurfaceStats {
        let state = self.lock();
        SurfaceStats {
            held: count(state.line.len()),
            ..state.stats
        }
    }

    /// Checks a placement of a frame, as far as numbers go.
    pub(super) fn geometry(
        &self,
        frame: (u32, u32),
        placement: &Placement,
    ) -> Result<Geometry, PlacementError> {
        let has_viewporter = self.video.viewport.is_some();
        let (orientation, (width, height)) = {
            let state = self.lock();
            (state.orientation, state.size)
        };
        Geometry::new(placement, orientation, frame, has_viewporter).map_err(|reason| {
            PlacementError {
                display: self.link.name.clone(),
                placement: *placement,
                reason,
                size: frame,
                area: Rect::new(0, 0, width, height),
            }
        })
    }

    /// Takes a picture: sends it if it is its turn, else lets it wait.
    pub(super) fn submit(
        &self,
        picture: Picture,
        view: View,
        keep: Keep,
    ) -> Result<u64, ShowError> {
        let mut state = self.lock();
        state.refuse()?;
        state.last_number += 1;
        let number = state.last_number;
        state.stats.taken += 1;
        let shot = Shot {
            number,
            picture,
            view,
            keep,
        };
        if let Some(superseded) = state.line.offer(shot) {
            state.stats.superseded += 1;
            self.unshown(&mut state, superseded, Unshown::Superseded);
        }
        self.advance(&mut state);
        state.stats.held_peak = state.stats.held_peak.max(count(state.line.len()));
        Ok(number)
    }

    /// Whether a frame waits for something of the compositor.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lock().line.waiting().is_some()
    }

    /// Whether the compositor says with each frame when it was seen.
    pub(super) fn has_presentation(&self) -> bool {
        self.link.globals.presentation.is_some() && self.link.offers.presentation_clock.is_some()
    }

    pub(super) fn set_flushing(&self, is_flushing: bool) {
        let mut state = self.lock();
        state.is_flushing = is_flushing;
        let flushed = if is_flushing {
            state.line.flush()
        } else {
            None
        };
        if let Some(flushed) = flushed {
            self.unshown(&mut state, flushed, Unshown::Flushed);
        }
        self.notify(state);
    }

    /// Waits until `is_done`, or the connection has ended; false if it takes longer than `timeout`.
    pub(super) fn wait(&self, timeout: Duration, is_done: impl Fn(&State) -> bool) -> bool {
        if self.link.is_event_thread() {
            return is_done(&self.lock());
        }
        let _waiter = self.link.await_events();
        let is_done = |state: &State| state.releasing == 0 && is_done(state);
        let is_waited_for =
            |state: &mut State| !is_done(state) && (state.lost.is_none() || state.releasing > 0);
        let mut state = self.lock();
        state.waiters += 1;
        let waited = self
            .settled
            .wait_timeout_while(state, timeout, is_waited_for);
        let (mut state, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiters -= 1;
        is_done(&state)
    }

    /// Unlocks and wakes whoever waits for a change. With nobody waiting it costs no system call.
    pub(super) fn notify(&self, state: MutexGuard<'_, State>) {
        let is_awaited = state.waiters > 0;
        drop(state);
        if is_awaited {
            self.settled.notify_all();
        }
    }

    pub(super) fn tell(&self, event: SurfaceEvent) {
        if let Some(listener) = lock(&self.listener).clone() {
            self.link.outbox.push(Effect::Tell(listener, event));
        }
    }

    /// A frame that was taken will not be seen: says so and gives it back.
    pub(super) fn unshown(&self, state: &mut State, shot: Shot<Picture, View>, why: Unshown) {
        self.tell(SurfaceEvent::Unshown {
            frame: shot.number,
            why,
        });
        self.give_back(state, shot);
    }

    pub(super) fn give_back(&self, state: &mut State, shot: Shot<Picture, View>) {
        state.releasing += 1;
        let effect = Effect::Drop(shot.keep, self.this.clone());
        self.link.outbox.push(effect);
    }

    /// What was kept with a frame has been dropped.
    pub(crate) fn given_back(&self) {
        let mut state = self.lock();
        state.releasing -= 1;
        self.notify(state);
    }
}

impl State {
    fn refuse(&self) -> Result<(), ShowError> {
        match &self.lost {
            Some(error) => Err(ShowError::Lost(Arc::clone(error))),
            None if self.is_flushing => Err(ShowError::Flushing),
            None => Ok(()),
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core")
            .field("display", &self.link.name)
            .field("area", &self.area)
            .finish_non_exhaustive()
    }
}
