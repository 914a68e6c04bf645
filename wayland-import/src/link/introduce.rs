//! The first round trips: what is there, and what does it say.

use std::sync::{Arc, Mutex};

use smithay_client_toolkit::registry::RegistryState;
use smithay_client_toolkit::seat::SeatState;
use tracing::info;
use wayland_client::globals::{GlobalError, registry_queue_init};
use wayland_client::{Connection, DispatchError, EventQueue, Proxy};

use super::{End, Link, Pump, lost_error};
use crate::buffer::Buffers;
use crate::client::{Client, Devices, Globals, Introduction, Outputs};
use crate::display::{ConnectError, LostError, Offers, YuvSupport};
use crate::link::attention::Attention;

/// Binds everything and hears what it says. Waits for the compositor. `is_own` tells that nobody else reads this connection.
pub(crate) fn introduce(
    connection: &Connection,
    name: &str,
    is_own: bool,
) -> Result<Arc<Link>, ConnectError> {
    let (list, mut queue) = registry_queue_init::<Client>(connection).map_err(|error| {
        let reason = error.to_string();
        match error {
            GlobalError::Backend(error) => lost_error(name, &error),
            GlobalError::InvalidId(_) => LostError::Gone {
                display: name.to_owned(),
                reason,
            },
        }
    })?;
    let handle = queue.handle();
    let mut globals =
        Globals::bind(&list, &handle, is_own).map_err(|missing| ConnectError::Missing {
            display: name.to_owned(),
            interface: missing.interface,
            needed: missing.needed,
            found: missing
                .found
                .map_or("none".to_owned(), |version| format!("version {version}")),
        })?;
    let mut client = Client {
        registry: RegistryState::new(&list),
        outputs: Outputs::bind(&list, &handle),
        seats: SeatState::new(&list, &handle),
        devices: Devices::default(),
        introduction: Introduction::default(),
        hears_input: is_own,
        link: std::sync::Weak::new(),
        keyboard_focus: None,
    };
    globals.keep(list);
    listen(&mut queue, &mut client, name)?;
    let offers = offers(&globals, &client.introduction);
    info!(display = name, ?offers, formats = %client.introduction.formats, "connected");
    let attention = Attention::new(is_own).map_err(|source| ConnectError::Kernel {
        display: name.to_owned(),
        what: "eventfd",
        source,
    })?;
    let buffers = Buffers::new(
        name,
        connection,
        &handle,
        globals.dmabuf.clone(),
        globals.dmabuf_announced,
    );
    Ok(Arc::new_cyclic(|link| {
        client.link = link.clone();
        Link {
            name: name.to_owned(),
            connection: connection.clone(),
            handle,
            globals,
            offers,
            buffers: Arc::new(buffers),
            outbox: crate::outbox::Outbox::default(),
            formats: Mutex::new(client.introduction.formats.clone()),
            surfaces: Mutex::default(),
            pump: Mutex::new(Pump { queue, client }),
            attention,
            waiters: 0.into(),
            end: Mutex::new(End::default()),
        }
    }))
}

/// One round trip: everything that was bound has said what it has to say.
fn listen(
    queue: &mut EventQueue<Client>,
    client: &mut Client,
    name: &str,
) -> Result<(), LostError> {
    match queue.roundtrip(client) {
        Ok(_) => Ok(()),
        Err(DispatchError::Backend(error)) => Err(lost_error(name, &error)),
        Err(error @ DispatchError::BadMessage { .. }) => Err(LostError::Malformed {
            display: name.to_owned(),
            reason: error.to_string(),
        }),
    }
}

fn offers(globals: &Globals, introduction: &Introduction) -> Offers {
    let yuv = match globals.color {
        Some(_) => YuvSupport::Told(introduction.colors.clone()),
        None => YuvSupport::default(),
    };
    Offers {
        dmabuf_version: globals.dmabuf.as_ref().map(Proxy::version),
        dmabuf_announced: globals.dmabuf_announced,
        has_viewporter: globals.viewporter.is_some(),
        presentation_clock: globals.presentation.as_ref().and(introduction.clock),
        shm_formats: introduction.shm_formats.clone(),
        yuv,
    }
}
