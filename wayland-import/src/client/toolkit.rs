//! What smithay-client-toolkit hands on: windows, outputs, the appearance of globals.

use smithay_client_toolkit::output::{OutputHandler, OutputState};
use smithay_client_toolkit::registry::{ProvidesRegistryState, RegistryState};
use smithay_client_toolkit::registry_handlers;
use smithay_client_toolkit::seat::SeatState;
use smithay_client_toolkit::shell::WaylandSurface;
use smithay_client_toolkit::shell::xdg::window::{Window, WindowConfigure, WindowHandler};
use wayland_client::protocol::wl_output::WlOutput;
use wayland_client::{Connection, Proxy, QueueHandle};

use super::Client;
use crate::display::Monitor;

impl ProvidesRegistryState for Client {
    fn registry(&mut self) -> &mut RegistryState {
        &mut self.registry
    }

    registry_handlers![OutputState, SeatState];
}

impl OutputHandler for Client {
    fn output_state(&mut self) -> &mut OutputState {
        &mut self.outputs
    }

    fn new_output(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}

    fn update_output(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}

    fn output_destroyed(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}
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

impl Client {
    /// The outputs as they are now.
    pub(crate) fn monitors(&self) -> Vec<Monitor> {
        let infos = self
            .outputs
            .outputs()
            .filter_map(|output| self.outputs.info(&output));
        let monitor = |info: smithay_client_toolkit::output::OutputInfo| {
            let mode = info.modes.iter().find(|mode| mode.current);
            let (width, height) = mode.map_or((0, 0), |mode| mode.dimensions);
            Monitor {
                name: info.name.unwrap_or_default(),
                description: info.description.unwrap_or(info.model),
                size: (width.unsigned_abs(), height.unsigned_abs()),
                refresh_millihertz: mode.map_or(0, |mode| mode.refresh_rate.unsigned_abs()),
            }
        };
        infos.map(monitor).collect()
    }

    /// The output of this name.
    pub(crate) fn output(&self, name: &str) -> Option<WlOutput> {
        self.outputs.outputs().find(|output| {
            let info = self.outputs.info(output);
            info.and_then(|info| info.name)
                .is_some_and(|known| known == name)
        })
    }
}
