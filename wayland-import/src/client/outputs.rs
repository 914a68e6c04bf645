//! The outputs of a compositor.
//!
//! smithay-client-toolkit has them, too, and keeps every object that it binds until the connection ends. An application's
//! connection outlives us.

use smithay_client_toolkit::dispatch2::Dispatch2;
use smithay_client_toolkit::registry::RegistryHandler;
use wayland_client::globals::GlobalList;
use wayland_client::protocol::wl_output::{self, WlOutput};
use wayland_client::protocol::wl_registry::WlRegistry;
use wayland_client::{Connection, Proxy, QueueHandle, WEnum};

use super::Client;
use crate::display::Monitor;

/// The first version that says when it has said all, and the one that tells names.
const VERSIONS: (u32, u32) = (2, 4);
/// The first version that can be released.
const RELEASE: u32 = 3;

/// Every output, as it described itself last. Drop releases them.
#[derive(Debug, Default)]
pub(crate) struct Outputs(Vec<Output>);

#[derive(Debug)]
struct Output {
    object: WlOutput,
    /// What it says, until it has said all.
    said: Monitor,
    monitor: Monitor,
}

/// The user data of an output: its global's number.
#[derive(Debug)]
pub(crate) struct OutputGlobal(u32);

impl Outputs {
    /// Binds those that are there.
    pub(crate) fn bind(list: &GlobalList, handle: &QueueHandle<Client>) -> Outputs {
        let globals = list.contents().clone_list();
        let name = WlOutput::interface().name;
        let mut outputs = Outputs::default();
        for global in globals.iter().filter(|global| global.interface == name) {
            outputs.add(list.registry(), handle, global.name, global.version);
        }
        outputs
    }

    fn add(
        &mut self,
        registry: &WlRegistry,
        handle: &QueueHandle<Client>,
        global: u32,
        announced: u32,
    ) {
        let (needed, known) = VERSIONS;
        if announced >= needed {
            let data = OutputGlobal(global);
            self.0.push(Output {
                object: registry.bind(global, announced.min(known), handle, data),
                said: Monitor::default(),
                monitor: Monitor::default(),
            });
        }
    }

    fn remove(&mut self, global: u32) {
        let is_gone = |output: &mut Output| output.is_of(global);
        self.0.extract_if(.., is_gone).for_each(Output::release);
    }

    /// The outputs as they are now.
    pub(crate) fn monitors(&self) -> Vec<Monitor> {
        self.0.iter().map(|output| output.monitor.clone()).collect()
    }

    /// The output of this name.
    pub(crate) fn named(&self, name: &str) -> Option<WlOutput> {
        let is_named = |output: &&Output| output.monitor.name == name;
        self.0
            .iter()
            .find(is_named)
            .map(|output| output.object.clone())
    }
}

impl Output {
    fn is_of(&self, global: u32) -> bool {
        let data = self.object.data::<OutputGlobal>();
        data.is_some_and(|data| data.0 == global)
    }

    fn hear(&mut self, event: wl_output::Event) {
        match event {
            // Versions without descriptions have this.
            wl_output::Event::Geometry { model, .. } => self.said.description = model,
            wl_output::Event::Mode {
                flags: WEnum::Value(flags),
                width,
                height,
                refresh,
            } if flags.contains(wl_output::Mode::Current) => {
                self.said.size = (width.unsigned_abs(), height.unsigned_abs());
                self.said.refresh_millihertz = refresh.unsigned_abs();
            }
            wl_output::Event::Name { name } => self.said.name = name,
            wl_output::Event::Description { description } => self.said.description = description,
            wl_output::Event::Done => self.monitor = self.said.clone(),
            _ => {}
        }
    }

    fn release(self) {
        if self.object.version() >= RELEASE {
            self.object.release();
        }
    }
}

impl Drop for Outputs {
    fn drop(&mut self) {
        self.0.drain(..).for_each(Output::release);
    }
}

impl Dispatch2<WlOutput, Client> for OutputGlobal {
    fn event(
        &self,
        client: &mut Client,
        output: &WlOutput,
        event: wl_output::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        let mut known = client.outputs.0.iter_mut();
        if let Some(known) = known.find(|known| known.object == *output) {
            known.hear(event);
        }
    }
}

impl RegistryHandler<Client> for Outputs {
    fn new_global(
        client: &mut Client,
        _connection: &Connection,
        handle: &QueueHandle<Client>,
        global: u32,
        interface: &str,
        version: u32,
    ) {
        if interface == WlOutput::interface().name {
            let registry = client.registry.registry().clone();
            client.outputs.add(&registry, handle, global, version);
        }
    }

    fn remove_global(
        client: &mut Client,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
        global: u32,
        interface: &str,
    ) {
        if interface == WlOutput::interface().name {
            client.outputs.remove(global);
        }
    }
}
