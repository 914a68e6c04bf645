//! The requests that put a frame on the screen.

use std::sync::Arc;

use tracing::{trace, warn};
use wayland_client::protocol::wl_buffer::WlBuffer;

use super::backdrop::Backdrop;
use super::core::{Core, Role, State, lock};
use super::events::{CallbackData, FeedbackOfFrame};
use super::view::View;
use super::{SurfaceError, Unshown};
use crate::client::Ignored;

impl Core {
    /// Sends the frame whose turn it is, if any. The caller flushes.
    pub(super) fn advance(self: &Core, state: &mut State) {
        if !state.is_configured || state.is_gone || state.lost.is_some() {
            return;
        }
        let Some(shot) = state.line.advance() else {
            return;
        };
        let (number, view) = (shot.number, shot.view);
        let Some(buffer) = shot.picture.wl_buffer() else {
            return;
        };
        let surface = &self.video.surface;
        self.attach(&buffer, &view);
        state.color.tell(&self.link, surface, &view);
        surface.frame(
            &self.link.handle,
            CallbackData {
                core: self.this.clone(),
                number,
            },
        );
        if let (Some(presentation), true) =
            (&self.link.globals.presentation, self.has_presentation())
        {
            presentation.feedback(
                surface,
                &self.link.handle,
                FeedbackOfFrame {
                    core: self.this.clone(),
                    number,
                },
            );
        }
        state.stats.commits += 1;
        self.commit(state, &view);
        trace!(display = self.link.name, number, "frame committed");
    }

    /// Places what is shown anew.
    pub(super) fn arrange(&self, state: &mut State, view: View) {
        let Some(sent) = state.sent.filter(|sent| *sent != view) else {
            return;
        };
        if sent.geometry.transform != view.geometry.transform {
            // Weston 14 looks how large a turned buffer is only when one is attached. One that it has given back may hold
            // something else meanwhile; then the next frame brings the turn.
            let shown = state.line.shown();
            let Some(buffer) = shown.and_then(|shot| shot.picture.wl_buffer()) else {
                return;
            };
            self.attach(&buffer, &view);
        }
        self.commit(state, &view);
    }

    fn attach(&self, buffer: &WlBuffer, view: &View) {
        let (width, height) = (view.frame.0.cast_signed(), view.frame.1.cast_signed());
        self.video.surface.attach(Some(buffer), 0, 0);
        self.video.surface.damage_buffer(0, 0, width, height);
    }

    /// Commits the video at its place; if that is another one than before, area and video change together.
    fn commit(&self, state: &mut State, view: &View) {
        let geometry = view.geometry;
        let sent = state.sent.replace(*view).map(|view| view.geometry);
        if sent.is_none_or(|sent| sent.transform != geometry.transform) {
            let surface = &self.video.surface;
            surface.set_buffer_transform(geometry.transform);
        }
        if let Some(viewport) = &self.video.viewport {
            if sent.is_none_or(|sent| sent.source != geometry.source) {
                let (x, y, width, height) = geometry.source;
                viewport.set_source(x, y, width, height);
            }
            if sent.is_none_or(|sent| sent.size != geometry.size) {
                let (width, height) = geometry.size;
                viewport.set_destination(width, height);
            }
        }
        let is_moved = sent.is_none_or(|sent| sent.position != geometry.position);
        if is_moved {
            let (x, y) = geometry.position;
            // The place is state of the area; what the video commits meanwhile waits for it.
            self.place.set_sync();
            self.place.set_position(x, y);
        }
        self.video.surface.commit();
        if is_moved || state.backdrop.is_none() {
            self.dress(state);
            self.area.surface.commit();
        }
        if is_moved {
            self.place.set_desync();
        }
    }

    /// Puts black of the right size behind the picture. Without memory for it the old one stays. The caller commits.
    pub(super) fn dress(&self, state: &mut State) {
        let size = state.size;
        let is_fitting = state
            .backdrop
            .as_ref()
            .is_some_and(|backdrop| backdrop.fits(size));
        if !is_fitting {
            match Backdrop::new(&self.link, size) {
                Ok(backdrop) => {
                    self.area.surface.attach(Some(backdrop.wl_buffer()), 0, 0);
                    self.area.surface.damage_buffer(0, 0, i32::MAX, i32::MAX);
                    state.backdrop = Some(backdrop);
                }
                Err(error) => {
                    warn!(display = self.link.name, %error, "no memory for the background");
                }
            }
        }
        let (width, height) = (size.0.cast_signed(), size.1.cast_signed());
        if let Some(viewport) = &self.area.viewport {
            viewport.set_destination(width, height);
        }
        let region = self
            .link
            .globals
            .compositor
            .create_region(&self.link.handle, Ignored);
        region.add(0, 0, width, height);
        self.area.surface.set_opaque_region(Some(&region));
        region.destroy();
    }

    /// Lets no input reach a surface of ours.
    pub(super) fn ignore_input(&self, surface: &wayland_client::protocol::wl_surface::WlSurface) {
        let region = self
            .link
            .globals
            .compositor
            .create_region(&self.link.handle, Ignored);
        surface.set_input_region(Some(&region));
        region.destroy();
    }

    /// Puts black in the place of the picture. The caller flushes and waits.
    ///
    /// A null buffer would do for most compositors. Weston keeps the last buffer of a surface that has none, until another
    /// one is painted or the surface goes.
    pub(super) fn blank(&self) {
        let mut state = self.lock();
        if let Some(shot) = state.line.flush() {
            self.unshown(&mut state, shot, Unshown::Flushed);
        }
        state.line.blank();
        let is_open = state.lost.is_none() && !state.is_gone;
        let Some(sent) = state.sent.take().filter(|_| is_open) else {
            return;
        };
        state.color.forget();
        if let Some(viewport) = &self.video.viewport {
            // The source of the frame is out of bounds of the one pixel.
            viewport.set_source(-1.0, -1.0, -1.0, -1.0);
        }
        if !state
            .black
            .as_ref()
            .is_some_and(|black| black.fits(sent.frame))
        {
            state.black = Backdrop::new(&self.link, sent.frame)
                .inspect_err(|error| warn!(display = self.link.name, %error, "no memory for black"))
                .ok();
        }
        let black = state.black.as_ref().map(Backdrop::wl_buffer);
        self.video.surface.attach(black, 0, 0);
        self.video.surface.damage_buffer(0, 0, i32::MAX, i32::MAX);
        self.video.surface.commit();
    }

    /// Destroys every object but the buffers, whose releases tell when the compositor has done with them. The caller waits
    /// for those, and [clears](Core::clear).
    pub(super) fn close(&self) {
        let mut state = self.lock();
        if std::mem::replace(&mut state.is_gone, true) {
            return;
        }
        if let Some(shot) = state.line.flush() {
            self.unshown(&mut state, shot, Unshown::Flushed);
        }
        state.line.blank();
        state.color.forget();
        drop(state);
        if let Some(feedback) = lock(&self.feedback).take() {
            feedback.destroy();
        }
        for canvas in [&self.video, &self.area] {
            if let Some(viewport) = &canvas.viewport {
                viewport.destroy();
            }
        }
        self.place.destroy();
        self.video.surface.destroy();
        match lock(&self.role).take() {
            // Destroys the area's surface, too.
            Some(Role::Window(window)) => drop(window),
            Some(Role::Embedded(place)) => {
                place.destroy();
                self.area.surface.destroy();
            }
            None => self.area.surface.destroy(),
        }
        self.link.flush();
    }

    /// Gives back whatever is left, and destroys the buffers of our own.
    pub(super) fn clear(&self) {
        let mut state = self.lock();
        for shot in state.line.clear() {
            self.give_back(&mut state, shot);
        }
        let own = (state.backdrop.take(), state.black.take());
        drop(state);
        drop(own);
        self.link.flush();
    }

    /// The first background, so that a lack of memory shows before the first frame.
    pub(super) fn check_backdrop(self: &Arc<Core>) -> Result<(), SurfaceError> {
        let (width, height) = self.size();
        let backdrop = Backdrop::new(&self.link, (width, height));
        backdrop
            .map(drop)
            .map_err(|error| SurfaceError::Background {
                display: self.link.name.clone(),
                width,
                height,
                reason: error.to_string(),
            })
    }
}
