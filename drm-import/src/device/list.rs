//! Looking for a card.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Looked;
use super::{Device, OpenError};
use crate::connector::ConnectorInfo;

const DIRECTORY: &str = "/dev/dri";

/// A card of this machine, opened or not.
#[derive(Debug)]
#[non_exhaustive]
pub struct CardInfo {
    /// The node, such as `/dev/dri/card0`.
    pub path: PathBuf,
    /// The kernel driver, if the card could be opened.
    pub driver: Option<String>,
    /// The connectors, if the card could be opened.
    pub connectors: Vec<ConnectorInfo>,
    /// Why the card cannot be used by this crate.
    pub error: Option<OpenError>,
}

/// Every card of this machine, in the order of their numbers. A card that nobody uses is opened for a
/// moment.
pub fn cards() -> Vec<CardInfo> {
    nodes()
        .into_iter()
        .map(|path| match Device::open(&path) {
            Ok(device) => CardInfo {
                path,
                driver: Some(device.driver().to_owned()),
                connectors: device.connectors().unwrap_or_default(),
                error: None,
            },
            Err(error) => CardInfo {
                path,
                driver: None,
                connectors: Vec::new(),
                error: Some(error),
            },
        })
        .collect()
}

pub(crate) fn find_driver(name: &str) -> Result<Arc<Device>, OpenError> {
    let mut looked = Looked::default();
    let mut fallback = None;
    for path in nodes() {
        match Device::open(&path) {
            Ok(device) if device.driver() != name => {
                looked.0.push((path, format!("driver {}", device.driver())));
            }
            Ok(device) if free_display(&device).is_ok() => return Ok(device),
            Ok(device) => fallback = fallback.or(Some(device)),
            Err(error) => looked.0.push((path, error.to_string())),
        }
    }
    fallback.ok_or_else(|| OpenError::NoDriver {
        driver: name.to_owned(),
        looked,
    })
}

pub(crate) fn find_first_connected() -> Result<Arc<Device>, OpenError> {
    let mut looked = Looked::default();
    for path in nodes() {
        let reason = match Device::open(&path) {
            Ok(device) => match free_display(&device) {
                Ok(()) => return Ok(device),
                Err(reason) => format!("driver {}, {reason}", device.driver()),
            },
            Err(error) => error.to_string(),
        };
        looked.0.push((path, reason));
    }
    Err(OpenError::NoDisplay { looked })
}

/// Whether the card has a connected display that this process may drive and does not drive yet.
fn free_display(device: &Device) -> Result<(), String> {
    let connectors = device
        .connectors()
        .map_err(|error| format!("connectors unreadable: {error}"))?;
    let displays: Vec<_> = connectors
        .iter()
        .filter(|connector| !connector.writeback)
        .collect();
    if displays.is_empty() {
        return Err("no connector".into());
    }
    let connected: Vec<_> = displays
        .iter()
        .filter(|connector| connector.connected)
        .collect();
    if connected.is_empty() {
        let names: Vec<_> = displays
            .iter()
            .map(|connector| connector.name.as_str())
            .collect();
        return Err(format!("nothing connected to {}", names.join(", ")));
    }
    if connected
        .iter()
        .all(|connector| device.is_claimed(connector.id))
    {
        return Err(format!("{} is in use by this process", connected[0].name));
    }
    device
        .ensure_master()
        .map_err(|holder| format!("{} belongs to {holder}", connected[0].name))
}

/// The nodes `card0`, `card1`, … in the order of their numbers.
fn nodes() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(DIRECTORY).into_iter().flatten().flatten();
    let mut nodes: Vec<_> = entries
        .filter_map(|entry| Some((number(&entry.path())?, entry.path())))
        .collect();
    nodes.sort();
    nodes.into_iter().map(|(_, path)| path).collect()
}

fn number(path: &Path) -> Option<u32> {
    path.file_name()?
        .to_str()?
        .strip_prefix("card")?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cards_count_as_nodes() {
        assert_eq!(number(Path::new("/dev/dri/card12")), Some(12));
        assert_eq!(number(Path::new("/dev/dri/renderD128")), None);
        assert_eq!(number(Path::new("/dev/dri/card0-dp")), None);
    }

    #[test]
    fn the_error_lists_every_card_with_its_reason() {
        let looked = Looked(vec![
            (
                PathBuf::from("/dev/dri/card0"),
                "driver vgem, no connector".into(),
            ),
            (
                PathBuf::from("/dev/dri/card1"),
                "driver vkms, nothing connected to Virtual-1".into(),
            ),
        ]);
        let text = OpenError::NoDisplay { looked }.to_string();
        assert!(text.contains("card0: driver vgem, no connector; "));
        assert!(text.contains("card1: driver vkms, nothing connected to Virtual-1"));
    }

    #[test]
    fn the_error_says_what_to_do_without_any_card() {
        let text = OpenError::NoDisplay {
            looked: Looked::default(),
        }
        .to_string();
        assert!(text.contains("load the driver"));
    }
}
