//! What users do in windows.

use smithay_client_toolkit::dispatch2::Dispatch2;
use smithay_client_toolkit::seat::pointer::{PointerEvent, PointerEventKind, PointerHandler};
use smithay_client_toolkit::seat::{Capability, SeatHandler, SeatState};
use tracing::debug;
use wayland_client::protocol::wl_keyboard::{self, KeyState, WlKeyboard};
use wayland_client::protocol::wl_pointer::WlPointer;
use wayland_client::protocol::wl_seat::WlSeat;
use wayland_client::{Connection, Proxy, QueueHandle, WEnum};

use super::Client;
use crate::surface::Input;

/// A keyboard, whose keys are handed on by their numbers: the layout is the application's matter.
#[derive(Debug)]
pub(crate) struct KeyboardData;

impl SeatHandler for Client {
    fn seat_state(&mut self) -> &mut SeatState {
        &mut self.seats
    }

    fn new_seat(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlSeat) {}

    fn new_capability(
        &mut self,
        _: &Connection,
        handle: &QueueHandle<Self>,
        seat: WlSeat,
        capability: Capability,
    ) {
        if !self.hears_input {
            return;
        }
        match capability {
            Capability::Pointer => {
                if let Err(error) = self.seats.get_pointer(handle, &seat) {
                    debug!(%error, "no pointer");
                }
            }
            Capability::Keyboard => {
                seat.get_keyboard(handle, KeyboardData);
            }
            _ => {}
        }
    }

    fn remove_capability(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: WlSeat,
        _: Capability,
    ) {
    }

    fn remove_seat(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlSeat) {}
}

impl PointerHandler for Client {
    fn pointer_frame(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlPointer,
        events: &[PointerEvent],
    ) {
        for event in events {
            if let Some(core) = self.surface_of(&event.surface.id()) {
                core.heard(input_of(event));
            }
        }
    }
}

fn input_of(event: &PointerEvent) -> Input {
    let (x, y) = event.position;
    let button = |code, is_pressed| Input::Button {
        code,
        is_pressed,
        x,
        y,
    };
    match event.kind {
        PointerEventKind::Enter { .. } | PointerEventKind::Motion { .. } => {
            Input::PointerMoved { x, y }
        }
        PointerEventKind::Leave { .. } => Input::PointerLeft,
        PointerEventKind::Press { button: code, .. } => button(code, true),
        PointerEventKind::Release { button: code, .. } => button(code, false),
        PointerEventKind::Axis {
            horizontal,
            vertical,
            ..
        } => Input::Scrolled {
            horizontal: horizontal.absolute,
            vertical: vertical.absolute,
            x,
            y,
        },
    }
}

impl Dispatch2<WlKeyboard, Client> for KeyboardData {
    fn event(
        &self,
        client: &mut Client,
        _keyboard: &WlKeyboard,
        event: wl_keyboard::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        match event {
            wl_keyboard::Event::Enter { surface, .. } => client.keyboard_focus = Some(surface.id()),
            wl_keyboard::Event::Leave { .. } => client.keyboard_focus = None,
            wl_keyboard::Event::Key {
                key,
                state: WEnum::Value(state),
                ..
            } => {
                let focus = client.keyboard_focus.clone();
                if let Some(core) = focus.and_then(|focus| client.surface_of(&focus)) {
                    core.heard(Input::Key {
                        code: key,
                        is_pressed: state != KeyState::Released,
                    });
                }
            }
            _ => {}
        }
    }
}
