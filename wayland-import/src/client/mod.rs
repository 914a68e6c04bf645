//! Who the events of a connection are dispatched to.

mod globals;
mod input;
mod introduction;
mod outputs;
mod toolkit;

use std::sync::{Arc, Weak};

use smithay_client_toolkit::dispatch2::Dispatch2;
use smithay_client_toolkit::registry::RegistryState;
use smithay_client_toolkit::seat::SeatState;
use wayland_client::backend::ObjectId;
use wayland_client::{Connection, Proxy, QueueHandle};

pub(crate) use globals::Globals;
pub(crate) use input::Devices;
pub(crate) use introduction::{FeedbackData, Introduction, shm_of_fourcc};
pub(crate) use outputs::Outputs;

use crate::buffer::{Buffer, BufferId};
use crate::link::Link;
use crate::surface::Core;

/// The state of a connection's event queue. Its handlers call nothing foreign: what they have to tell goes to the
/// [outbox](crate::outbox::Outbox), and is told when the queue is free again.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) registry: RegistryState,
    pub(crate) outputs: Outputs,
    pub(crate) seats: SeatState,
    pub(crate) devices: Devices,
    pub(crate) introduction: Introduction,
    /// Whether input in windows is ours to hear.
    pub(crate) hears_input: bool,
    /// None while the compositor introduces itself.
    pub(crate) link: Weak<Link>,
    /// Where the keyboard's keys go.
    pub(crate) keyboard_focus: Option<ObjectId>,
}

/// For objects whose events mean nothing to us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ignored;

impl<I: Proxy> Dispatch2<I, Client> for Ignored {
    fn event(
        &self,
        _client: &mut Client,
        _proxy: &I,
        _event: I::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
    }
}

impl Client {
    /// An import has been answered.
    pub(crate) fn settled(&self, buffer: &Buffer) {
        self.each_surface(|core| core.settled(buffer));
    }

    /// A buffer is free.
    pub(crate) fn released(&self, id: BufferId) {
        self.each_surface(|core| core.released(id));
    }

    fn each_surface(&self, mut call: impl FnMut(&Arc<Core>)) {
        let Some(link) = self.link.upgrade() else {
            return;
        };
        for core in link.surfaces() {
            call(&core);
        }
    }

    /// The surface whose window or rectangle this object is.
    fn surface_of(&self, id: &ObjectId) -> Option<Arc<Core>> {
        let link = self.link.upgrade()?;
        link.surfaces().into_iter().find(|core| core.is_area(id))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.devices.forget_all();
        for seat in self.seats.seats() {
            input::release(&seat);
        }
    }
}

smithay_client_toolkit::delegate_registry!(Client);
smithay_client_toolkit::delegate_dispatch2!(Client);
