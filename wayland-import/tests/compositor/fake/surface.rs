//! Surfaces: what is attached, committed and released.

use std::sync::Mutex;

use wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::{
    Kind, WpPresentationFeedback,
};
use wayland_server::protocol::{
    wl_buffer::WlBuffer,
    wl_callback::WlCallback,
    wl_compositor::{self, WlCompositor},
    wl_region::WlRegion,
    wl_surface::{self, WlSurface},
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, Resource};

use super::{Seen, State, protocol};

pub(super) type SurfaceData = Mutex<Surface>;

#[derive(Default)]
pub(super) struct Surface {
    /// Whether a buffer, or none, was attached since the last commit.
    is_attached: bool,
    attached: Option<WlBuffer>,
    current: Option<WlBuffer>,
    transform: Option<u32>,
    callbacks: Vec<WlCallback>,
    pub(super) feedbacks: Vec<WpPresentationFeedback>,
}

pub(super) fn call_back(state: &mut State) {
    for callback in state.callbacks.drain(..) {
        callback.done(0);
    }
}

impl Dispatch<WlCompositor, ()> for State {
    fn request(
        state: &mut State,
        _: &Client,
        _: &WlCompositor,
        request: wl_compositor::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, State>,
    ) {
        match request {
            wl_compositor::Request::CreateSurface { id } => {
                state.last_surface = Some(init.init(id, SurfaceData::default()));
            }
            wl_compositor::Request::CreateRegion { id } => {
                init.init(id, ());
            }
            _ => {}
        }
    }
}

impl Dispatch<WlRegion, ()> for State {
    fn request(
        _: &mut State,
        _: &Client,
        _: &WlRegion,
        _: <WlRegion as Resource>::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, State>,
    ) {
    }
}

impl Dispatch<WlCallback, ()> for State {
    fn request(
        _: &mut State,
        _: &Client,
        _: &WlCallback,
        _: <WlCallback as Resource>::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, State>,
    ) {
    }
}

impl Dispatch<WlSurface, SurfaceData> for State {
    fn request(
        state: &mut State,
        _: &Client,
        resource: &WlSurface,
        request: wl_surface::Request,
        data: &SurfaceData,
        _: &DisplayHandle,
        init: &mut DataInit<'_, State>,
    ) {
        let mut surface = data.lock().unwrap();
        match request {
            wl_surface::Request::Attach { buffer, .. } => {
                surface.is_attached = true;
                surface.attached = buffer;
            }
            wl_surface::Request::Frame { callback } => {
                let callback = init.init(callback, ());
                surface.callbacks.push(callback);
            }
            wl_surface::Request::SetBufferTransform { transform } => {
                surface.transform = Some(transform.into());
            }
            wl_surface::Request::Commit => {
                if let Some(transform) = surface.transform.take() {
                    let has_buffer = surface.is_attached;
                    state.note(Seen::Turned {
                        transform,
                        has_buffer,
                    });
                }
                let is_new_window = surface.current.is_none() && !surface.is_attached;
                state.commit(resource, &mut surface);
                if is_new_window
                    && state
                        .toplevels
                        .iter()
                        .any(|window| window.surface == *resource)
                {
                    protocol::configure(state, (0, 0));
                }
            }
            wl_surface::Request::Destroy => {
                if let Some(buffer) = surface.current.take() {
                    buffer.release();
                }
            }
            _ => {}
        }
    }
}

impl State {
    fn commit(&mut self, resource: &WlSurface, surface: &mut Surface) {
        self.callbacks.append(&mut surface.callbacks);
        if self.config.calls_back {
            call_back(self);
        }
        for feedback in surface.feedbacks.drain(..) {
            feedback.presented(0, 12, 345, 16_666_666, 0, 7, Kind::Vsync);
        }
        if !std::mem::take(&mut surface.is_attached) {
            return;
        }
        let attached = surface.attached.take();
        let before = std::mem::replace(&mut surface.current, attached.clone());
        match &attached {
            Some(buffer) => self.note(Seen::Shown {
                surface: resource.id().protocol_id(),
                buffer: buffer.id().protocol_id(),
            }),
            None => self.note(Seen::Blanked),
        }
        if let Some(before) = before.filter(|before| Some(before) != attached.as_ref()) {
            if self.config.releases {
                before.release();
            } else {
                self.unreleased.push(before);
            }
        }
    }
}
