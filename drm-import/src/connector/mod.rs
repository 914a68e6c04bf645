//! Connectors, their modes, and the CRTC that drives one.

mod mode;

use drm::control::{Device as _, connector, crtc};
use thiserror::Error;

pub use mode::Mode;

use crate::device::Device;

/// A connector as it was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectorInfo {
    /// Object id, unique on its card.
    pub id: u32,
    /// Name as the kernel writes it: `HDMI-A-1`, `Virtual-1`.
    pub name: String,
    /// Whether a display is known to be there.
    pub connected: bool,
    /// A writeback connector: writes pictures to memory, shows nothing.
    pub writeback: bool,
    /// The modes of the display, the preferred one first as far as the driver sorts them.
    pub modes: Vec<Mode>,
}

impl ConnectorInfo {
    pub(crate) fn new(info: &connector::Info) -> ConnectorInfo {
        ConnectorInfo {
            id: info.handle().into(),
            name: info.to_string(),
            connected: info.state() == connector::State::Connected,
            writeback: info.interface() == connector::Interface::Writeback,
            modes: info.modes().iter().map(Mode::from_kernel).collect(),
        }
    }
}

/// Why no connector and CRTC could be paired.
#[derive(Debug, Error)]
pub(crate) enum RouteError {
    #[error("there is no connector {id}; there are {known}")]
    Unknown { id: u32, known: String },
    #[error("connector {name} ({id}) is in use by another output of this process")]
    Taken { id: u32, name: String },
    #[error("no display is connected: {known}")]
    NothingConnected { known: String },
    #[error("all connected displays are in use by this process: {known}")]
    AllTaken { known: String },
    #[error("no CRTC is free for connector {name} ({id}); another display of the card uses it")]
    NoCrtc { id: u32, name: String },
    #[error("{what} failed: {source}")]
    Kernel {
        what: &'static str,
        source: std::io::Error,
    },
}

/// A connector, the CRTC that will drive it, and the mode that the display prefers.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) connector: connector::Handle,
    pub(crate) name: String,
    pub(crate) crtc: crtc::Handle,
    /// The preferred mode, to be set unless the CRTC is lit; `None` for a display without modes.
    pub(crate) preferred: Option<drm::control::Mode>,
}

/// Picks the connector (`wanted`, or the first connected one that is free) and a CRTC for it.
pub(crate) fn route(device: &Device, wanted: Option<u32>) -> Result<Route, RouteError> {
    let infos = read_all(device)?;
    let info = pick(device, &infos, wanted)?;
    let crtc = crtc_for(device, info, &infos)?;
    Ok(Route {
        connector: info.handle(),
        name: info.to_string(),
        crtc,
        preferred: mode::preferred(info.modes()),
    })
}

fn read_all(device: &Device) -> Result<Vec<connector::Info>, RouteError> {
    let read = |&handle| device.card().get_connector(handle, true);
    device
        .resources()
        .connectors()
        .iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|source| RouteError::Kernel {
            what: "DRM_IOCTL_MODE_GETCONNECTOR",
            source,
        })
}

fn pick<'a>(
    device: &Device,
    infos: &'a [connector::Info],
    wanted: Option<u32>,
) -> Result<&'a connector::Info, RouteError> {
    let known = || describe(infos);
    let is_free = |info: &&connector::Info| !device.is_claimed(info.handle().into());
    if let Some(id) = wanted {
        let info = infos
            .iter()
            .find(|info| u32::from(info.handle()) == id)
            .ok_or_else(|| RouteError::Unknown { id, known: known() })?;
        return Some(info).filter(is_free).ok_or_else(|| RouteError::Taken {
            id,
            name: info.to_string(),
        });
    }
    let mut connected = infos
        .iter()
        .filter(|info| info.state() == connector::State::Connected)
        .filter(|info| info.interface() != connector::Interface::Writeback)
        .peekable();
    if connected.peek().is_none() {
        return Err(RouteError::NothingConnected { known: known() });
    }
    connected
        .find(is_free)
        .ok_or_else(|| RouteError::AllTaken { known: known() })
}

/// The CRTC that drives the connector already, else a possible one that drives nothing.
fn crtc_for(
    device: &Device,
    info: &connector::Info,
    infos: &[connector::Info],
) -> Result<crtc::Handle, RouteError> {
    let kernel = |what| move |source| RouteError::Kernel { what, source };
    let encoder = |handle| {
        device
            .card()
            .get_encoder(handle)
            .map_err(kernel("DRM_IOCTL_MODE_GETENCODER"))
    };
    if let Some(handle) = info.current_encoder()
        && let Some(crtc) = encoder(handle)?.crtc()
        && !device.is_claimed(crtc.into())
    {
        return Ok(crtc);
    }
    let mut busy = Vec::new();
    for other in infos.iter().filter(|other| other.handle() != info.handle()) {
        if let Some(handle) = other.current_encoder() {
            busy.extend(encoder(handle)?.crtc());
        }
    }
    for &handle in info.encoders() {
        let possible = device
            .resources()
            .filter_crtcs(encoder(handle)?.possible_crtcs());
        let free =
            |crtc: &&crtc::Handle| !busy.contains(*crtc) && !device.is_claimed((**crtc).into());
        if let Some(&crtc) = possible.iter().find(free) {
            return Ok(crtc);
        }
    }
    Err(RouteError::NoCrtc {
        id: info.handle().into(),
        name: info.to_string(),
    })
}

fn describe(infos: &[connector::Info]) -> String {
    let words: Vec<_> = infos
        .iter()
        .map(|info| {
            format!(
                "{info} ({}) {}",
                u32::from(info.handle()),
                state(info.state())
            )
        })
        .collect();
    if words.is_empty() {
        "no connector at all".into()
    } else {
        words.join(", ")
    }
}

fn state(state: connector::State) -> &'static str {
    match state {
        connector::State::Connected => "connected",
        connector::State::Disconnected => "disconnected",
        connector::State::Unknown => "of unknown state",
    }
}
