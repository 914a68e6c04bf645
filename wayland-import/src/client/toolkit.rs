//! What smithay-client-toolkit hands on: windows, the appearance of globals.

use smithay_client_toolkit::registry::{ProvidesRegistryState, RegistryState};
use smithay_client_toolkit::registry_handlers;
use smithay_client_toolkit::seat::SeatState;
use smithay_client_toolkit::shell::WaylandSurface;
use smithay_client_toolkit::shell::xdg::window::{Window, WindowConfigure, WindowHandler};
use wayland_client::{Connection, Proxy, QueueHandle};

use super::{Client, Outputs};

impl ProvidesRegistryState for Client {
    fn registry(&mut self) -> &mut RegistryState {
        &mut self.registry
    }

    registry_handlers![Outputs, SeatState];
}

impl WindowHandler for Client {
    fn request_close(&mut self, _: &Connection, _: &QueueHandle<Self>, window: &Window) {
        if let Some(core) = self.surface_of(&window.wl_surface().id()) {
            core.closed();
        }
    }

    fn configure(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        window: &Window,
        configure: WindowConfigure,
        _serial: u32,
    ) {
        if let Some(core) = self.surface_of(&window.wl_surface().id()) {
            let (width, height) = configure.new_size;
            core.configured(width.map(u32::from), height.map(u32::from));
        }
    }
}
