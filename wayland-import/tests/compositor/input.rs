//! What users do in windows.

use std::sync::mpsc::Receiver;

use wayland_import::{Input, SurfaceEvent};

use crate::fake::{Config, Fake};
use crate::{event, eventually, window};

const BTN_LEFT: u32 = 0x110;
const KEY_A: u32 = 30;

fn input(events: &Receiver<SurfaceEvent>) -> Input {
    let is_input = |event: &SurfaceEvent| matches!(event, SurfaceEvent::Input(_));
    let SurfaceEvent::Input(input) = event(events, is_input) else {
        unreachable!();
    };
    input
}

/// What comes of pointing at 12.5, 7.
fn expected() -> Vec<Input> {
    let (x, y) = (12.5, 7.0);
    let button = |is_pressed| Input::Button {
        code: BTN_LEFT,
        is_pressed,
        x,
        y,
    };
    let key = |is_pressed| Input::Key {
        code: KEY_A,
        is_pressed,
    };
    vec![
        Input::PointerMoved { x: 0.0, y: 0.0 },
        Input::PointerMoved { x, y },
        button(true),
        button(false),
        Input::Scrolled {
            horizontal: 0.0,
            vertical: 15.0,
            x,
            y,
        },
        Input::PointerLeft,
        // What was typed before the window had the keyboard is not told.
        key(true),
        key(false),
    ]
}

#[test]
fn what_a_user_does_in_a_window_is_told_in_order() {
    let (fake, display) = Fake::connected(Config::default());
    let (_surface, events) = window(&display);
    fake.use_window(12.5, 7.0);
    let heard: Vec<Input> = expected().iter().map(|_| input(&events)).collect();
    assert_eq!(heard, expected());
}

#[test]
fn devices_that_are_unplugged_leave_nothing_behind_and_new_ones_are_heard() {
    let (fake, display) = Fake::connected(Config::default());
    let (_surface, events) = window(&display);
    let count = |name| fake.objects().iter().filter(|it| **it == name).count();
    let are_there = |wanted| {
        eventually("as many devices", || {
            (count("wl_pointer"), count("wl_keyboard")) == (wanted, wanted)
        });
    };
    are_there(1);
    for _plugging in 0..3 {
        fake.plug(false);
        are_there(0);
        fake.plug(true);
        are_there(1);
    }
    fake.use_window(12.5, 7.0);
    let heard: Vec<Input> = expected().iter().map(|_| input(&events)).collect();
    assert_eq!(heard, expected());
}
