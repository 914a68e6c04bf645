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

/// The first versions that can be released.
const DEVICE_RELEASE: u32 = 3;
const SEAT_RELEASE: u32 = 5;

/// What is heard, and the seat that it belongs to.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    pointers: Vec<(WlSeat, WlPointer)>,
    keyboards: Vec<(WlSeat, WlKeyboard)>,
}

impl Devices {
    fn forget_pointers(&mut self, is_meant: impl Fn(&WlSeat) -> bool) {
        let forgotten = self.pointers.extract_if(.., |(seat, _)| is_meant(seat));
        forgotten
            .filter(|(_, pointer)| pointer.version() >= DEVICE_RELEASE)
            .for_each(|(_, pointer)| pointer.release());
    }

    fn forget_keyboards(&mut self, is_meant: impl Fn(&WlSeat) -> bool) {
        let forgotten = self.keyboards.extract_if(.., |(seat, _)| is_meant(seat));
        forgotten
            .filter(|(_, keyboard)| keyboard.version() >= DEVICE_RELEASE)
            .for_each(|(_, keyboard)| keyboard.release());
    }

    pub(super) fn forget_all(&mut self) {
        self.forget_pointers(|_| true);
        self.forget_keyboards(|_| true);
    }
}

/// Gives a seat back, where that is possible.
pub(super) fn release(seat: &WlSeat) {
    if seat.version() >= SEAT_RELEASE {
        seat.release();
    }
}

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
            Capability::Pointer => match self.seats.get_pointer(handle, &seat) {
                Ok(pointer) => self.devices.pointers.push((seat, pointer)),
                Err(error) => debug!(%error, "no pointer"),
            },
            Capability::Keyboard => {
                let keyboard = seat.get_keyboard(handle, KeyboardData);
                self.devices.keyboards.push((seat, keyboard));
            }
            _ => {}
        }
    }

    fn remove_capability(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        seat: WlSeat,
        capability: Capability,
    ) {
        match capability {
            Capability::Pointer => self.devices.forget_pointers(|it| *it == seat),
            Capability::Keyboard => self.devices.forget_keyboards(|it| *it == seat),
            _ => {}
        }
    }

    fn remove_seat(&mut self, _: &Connection, _: &QueueHandle<Self>, seat: WlSeat) {
        self.devices.forget_pointers(|it| *it == seat);
        self.devices.forget_keyboards(|it| *it == seat);
        release(&seat);
    }
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
