//! The globals, and what needs little.

use wayland_protocols::wp::color_representation::v1::server::{
    wp_color_representation_manager_v1::{self, WpColorRepresentationManagerV1},
    wp_color_representation_surface_v1::{self, WpColorRepresentationSurfaceV1},
};
use wayland_protocols::wp::linux_dmabuf::zv1::server::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;
use wayland_protocols::wp::presentation_time::server::wp_presentation::{self, WpPresentation};
use wayland_protocols::wp::presentation_time::server::wp_presentation_feedback::{
    self, WpPresentationFeedback,
};
use wayland_protocols::wp::viewporter::server::{
    wp_viewport::{self, WpViewport},
    wp_viewporter::{self, WpViewporter},
};
use wayland_protocols::xdg::shell::server::{
    xdg_surface::{self, XdgSurface},
    xdg_toplevel::{self, XdgToplevel},
    xdg_wm_base::{self, XdgWmBase},
};
use wayland_server::protocol::{
    wl_buffer::WlBuffer,
    wl_compositor::WlCompositor,
    wl_fixes::{self, WlFixes},
    wl_keyboard::{self, WlKeyboard},
    wl_output::{self, WlOutput},
    wl_pointer::{self, WlPointer},
    wl_seat::{self, WlSeat},
    wl_shm::{self, WlShm},
    wl_shm_pool::{self, WlShmPool},
    wl_subcompositor::{self, WlSubcompositor},
    wl_subsurface::{self, WlSubsurface},
    wl_surface::WlSurface,
};
use wayland_server::{
    Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource, WEnum,
};

use super::surface::SurfaceData;
use super::{Config, Seen, State};

/// A window.
pub(super) struct Toplevel {
    pub(super) surface: WlSurface,
    xdg_surface: XdgSurface,
    role: XdgToplevel,
}

impl Toplevel {
    pub(super) fn close(&self) {
        self.role.close();
    }
}

pub(super) fn announce(handle: &DisplayHandle, config: &Config) {
    let (compositor, shm) = if config.is_recent { (7, 2) } else { (5, 1) };
    handle.create_global::<State, WlCompositor, ()>(compositor, ());
    handle.create_global::<State, WlSubcompositor, ()>(1, ());
    handle.create_global::<State, WlShm, ()>(shm, ());
    if config.is_recent {
        handle.create_global::<State, WlFixes, ()>(1, ());
    }
    handle.create_global::<State, WlOutput, ()>(4, ());
    handle.create_global::<State, WlSeat, ()>(5, ());
    if config.has_windows {
        handle.create_global::<State, XdgWmBase, ()>(3, ());
    }
    if config.has_viewporter {
        handle.create_global::<State, WpViewporter, ()>(1, ());
    }
    if config.clock.is_some() {
        handle.create_global::<State, WpPresentation, ()>(1, ());
    }
    if !config.colors.is_empty() {
        handle.create_global::<State, WpColorRepresentationManagerV1, ()>(1, ());
    }
    if config.dmabuf_version > 0 {
        handle.create_global::<State, ZwpLinuxDmabufV1, ()>(config.dmabuf_version, ());
    }
}

/// Tells every window its size.
pub(super) fn configure(state: &mut State, (width, height): (i32, i32)) {
    let serial = state.next_serial();
    for window in &state.toplevels {
        window.role.configure(width, height, Vec::new());
        window.xdg_surface.configure(serial);
    }
}

/// What the user does in the first window: points at x, y, clicks there with the left button, turns the wheel, and types an A.
pub(super) fn use_window(state: &mut State, (x, y): (f64, f64)) {
    const BTN_LEFT: u32 = 0x110;
    const KEY_A: u32 = 30;
    let serial = state.next_serial();
    let surface = &state.toplevels[0].surface;
    for pointer in &state.pointers {
        pointer.enter(serial, surface, 0.0, 0.0);
        pointer.frame();
        pointer.motion(1, x, y);
        pointer.frame();
        for button in [
            wl_pointer::ButtonState::Pressed,
            wl_pointer::ButtonState::Released,
        ] {
            pointer.button(serial, 2, BTN_LEFT, button);
            pointer.frame();
        }
        pointer.axis(3, wl_pointer::Axis::VerticalScroll, 15.0);
        pointer.frame();
        pointer.leave(serial, surface);
        pointer.frame();
    }
    for keyboard in &state.keyboards {
        keyboard.key(serial, 4, KEY_A, wl_keyboard::KeyState::Pressed);
        keyboard.enter(serial, surface, Vec::new());
        keyboard.key(serial, 5, KEY_A, wl_keyboard::KeyState::Pressed);
        keyboard.key(serial, 6, KEY_A, wl_keyboard::KeyState::Released);
        keyboard.leave(serial, surface);
    }
}

/// Takes pointer and keyboard away, or gives new ones.
pub(super) fn plug(state: &mut State, are_there: bool) {
    state.has_devices = are_there;
    state.pointers.clear();
    state.keyboards.clear();
    for seat in &state.seats {
        seat.capabilities(state.capabilities());
    }
}

impl State {
    fn capabilities(&self) -> wl_seat::Capability {
        if self.has_devices {
            wl_seat::Capability::Pointer | wl_seat::Capability::Keyboard
        } else {
            wl_seat::Capability::empty()
        }
    }
}

macro_rules! globals {
    ($($interface:ty => |$state:ident, $global:ident| $said:expr;)+) => {$(
        impl GlobalDispatch<$interface, ()> for State {
            fn bind(
                $state: &mut State, _: &DisplayHandle, _: &Client, resource: New<$interface>, (): &(),
                init: &mut DataInit<'_, State>,
            ) {
                let $global = init.init(resource, ());
                $said
            }
        }
    )+};
}

globals! {
    WlCompositor => |_state, _global| ();
    WlSubcompositor => |_state, _global| ();
    WlFixes => |_state, _global| ();
    WlSeat => |state, global| {
        global.capabilities(state.capabilities());
        state.seats.push(global);
    };
    WlOutput => |_state, global| {
        global.mode(wl_output::Mode::Current, 640, 480, 60_000);
        global.mode(wl_output::Mode::Preferred, 1280, 960, 30_000);
        global.name("FAKE-1".to_owned());
        global.description("An output of a test".to_owned());
        global.done();
    };
    XdgWmBase => |_state, _global| ();
    WpViewporter => |_state, _global| ();
    WlShm => |_state, global| {
        global.format(wl_shm::Format::Xrgb8888);
        global.format(wl_shm::Format::Argb8888);
        global.format(wl_shm::Format::Nv12);
    };
    WpPresentation => |state, global| global.clock_id(state.config.clock.unwrap());
    WpColorRepresentationManagerV1 => |state, global| {
        for (coefficients, range) in state.config.colors.clone() {
            global.supported_coefficients_and_ranges(
                coefficients.try_into().unwrap(), range.try_into().unwrap(),
            );
        }
        global.done();
    };
}

macro_rules! requests {
    ($($interface:ty, $data:ty => |$state:ident, $resource:ident, $request:ident, $of:ident, $init:ident, $handle:ident| $done:expr;)+) => {$(
        impl Dispatch<$interface, $data> for State {
            fn request(
                $state: &mut State, _: &Client, $resource: &$interface, $request: <$interface as Resource>::Request,
                $of: &$data, $handle: &DisplayHandle, $init: &mut DataInit<'_, State>,
            ) {
                $done
            }
        }
    )+};
}

requests! {
    WlFixes, () => |_state, _resource, request, _of, _init, handle| {
        if let wl_fixes::Request::DestroyRegistry { registry } = request {
            handle.backend_handle().destroy_object::<State>(&registry.id()).unwrap();
        }
    };
    WlOutput, () => |_state, _resource, _request, _of, _init, _handle| ();
    WlSeat, () => |state, _resource, request, _of, init, _handle| match request {
        wl_seat::Request::GetPointer { id } => state.pointers.push(init.init(id, ())),
        wl_seat::Request::GetKeyboard { id } => state.keyboards.push(init.init(id, ())),
        _ => {}
    };
    WlPointer, () => |_state, _resource, _request, _of, _init, _handle| ();
    WlKeyboard, () => |_state, _resource, _request, _of, _init, _handle| ();
    WlSubcompositor, () => |_state, _resource, request, _of, init, _handle| {
        if let wl_subcompositor::Request::GetSubsurface { id, .. } = request {
            init.init(id, ());
        }
    };
    WlSubsurface, () => |state, _resource, request, _of, _init, _handle| {
        if let wl_subsurface::Request::SetPosition { x, y } = request {
            state.note(Seen::Position(x, y));
        }
    };
    WlShm, () => |_state, _resource, request, _of, init, _handle| {
        if let wl_shm::Request::CreatePool { id, .. } = request {
            init.init(id, ());
        }
    };
    WlShmPool, () => |_state, _resource, request, _of, init, _handle| {
        if let wl_shm_pool::Request::CreateBuffer { id, .. } = request {
            init.init(id, ());
        }
    };
    XdgWmBase, () => |_state, _resource, request, _of, init, _handle| {
        if let xdg_wm_base::Request::GetXdgSurface { id, surface } = request {
            init.init(id, surface);
        }
    };
    XdgSurface, WlSurface => |state, resource, request, of, init, _handle| {
        if let xdg_surface::Request::GetToplevel { id } = request {
            let role = init.init(id, ());
            state.toplevels.push(Toplevel { surface: of.clone(), xdg_surface: resource.clone(), role });
        }
    };
    XdgToplevel, () => |_state, _resource, request, _of, _init, _handle| {
        drop::<xdg_toplevel::Request>(request);
    };
    WpViewporter, () => |_state, _resource, request, _of, init, _handle| {
        if let wp_viewporter::Request::GetViewport { id, surface } = request {
            init.init(id, surface);
        }
    };
    WpViewport, WlSurface => |state, _resource, request, _of, _init, _handle| match request {
        wp_viewport::Request::SetSource { x, y, width, height } => state.note(Seen::Source(x, y, width, height)),
        wp_viewport::Request::SetDestination { width, height } => state.note(Seen::Destination(width, height)),
        _ => {}
    };
    WpPresentation, () => |_state, _resource, request, _of, init, _handle| {
        if let wp_presentation::Request::Feedback { surface, callback } = request {
            let feedback = init.init(callback, ());
            surface.data::<SurfaceData>().unwrap().lock().unwrap().feedbacks.push(feedback);
        }
    };
    WpColorRepresentationManagerV1, () => |_state, _resource, request, _of, init, _handle| {
        if let wp_color_representation_manager_v1::Request::GetSurface { id, .. } = request {
            init.init(id, ());
        }
    };
    WpColorRepresentationSurfaceV1, () => |state, _resource, request, _of, _init, _handle| match request {
        wp_color_representation_surface_v1::Request::SetCoefficientsAndRange { coefficients, range } => {
            state.note(Seen::Color { coefficients: number(coefficients), range: number(range) });
        }
        wp_color_representation_surface_v1::Request::SetChromaLocation { chroma_location } => {
            state.note(Seen::ChromaLocation(number(chroma_location)));
        }
        wp_color_representation_surface_v1::Request::Destroy => state.note(Seen::ColorForgotten),
        _ => {}
    };
}

fn number<T: Into<u32>>(value: WEnum<T>) -> u32
where
    WEnum<T>: Into<u32>,
{
    value.into()
}

impl Dispatch<WlBuffer, ()> for State {
    fn request(
        state: &mut State,
        _: &Client,
        _: &WlBuffer,
        _: <WlBuffer as Resource>::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, State>,
    ) {
        state.note(Seen::BufferDestroyed);
    }
}

impl Dispatch<WpPresentationFeedback, ()> for State {
    fn request(
        _: &mut State,
        _: &Client,
        _: &WpPresentationFeedback,
        _: wp_presentation_feedback::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, State>,
    ) {
    }
}
