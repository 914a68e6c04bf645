//! What a video node is connected to in the graph of its media device, for messages.

use std::fs::File;
use std::path::{Path, PathBuf};

use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use crate::device::{Device, text};
use crate::uapi::{self, Topology};

/// What to do about a camera whose sub-devices are not set up.
pub(crate) fn remedy(device: &Device) -> String {
    let Some((media, node)) = media_of(device) else {
        return "the device is the end of a chain of sub-devices that are not set up: use media-ctl, or libcamera \
                (libcamerasrc)"
            .to_owned();
    };
    let entity = match node {
        Some(Node {
            entity,
            source: Some(source),
        }) => format!(
            "its entity \"{entity}\" is fed by \"{source}\", and formats along that chain do not agree"
        ),
        Some(Node {
            entity,
            source: None,
        }) => format!("no link to its entity \"{entity}\" is enabled"),
        None => "it is the end of a chain of sub-devices that are not set up".to_owned(),
    };
    let media = media.display();
    format!("{entity}: set up {media} with media-ctl, or use libcamera (libcamerasrc)")
}

/// A video node in the graph.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    entity: String,
    /// What an enabled link leads from.
    source: Option<String>,
}

/// The media device that a video device belongs to, and its place there, as far as they can be read.
fn media_of(device: &Device) -> Option<(PathBuf, Option<Node>)> {
    let number = File::open(&device.info().path)
        .ok()?
        .metadata()
        .ok()?
        .rdev();
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let parent = PathBuf::from(format!("/sys/dev/char/{major}:{minor}/device"));
    let media = media_node(&parent)?;
    let graph = File::open(&media)
        .ok()
        .and_then(|file| uapi::topology(file.as_fd()).ok());
    let node = graph.and_then(|graph| find(&graph, major, minor));
    Some((media, node))
}

/// As `/dev/media0`: the media device of a parent in sysfs.
fn media_node(parent: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(parent).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names
        .filter(|name| {
            let number = name.strip_prefix("media");
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        })
        .collect();
    names.sort();
    Some(Path::new("/dev").join(names.first()?))
}

fn find(graph: &Topology, major: u32, minor: u32) -> Option<Node> {
    let is_node =
        |interface: &&uapi::Interface| (interface.major, interface.minor) == (major, minor);
    let interface = graph.interfaces.iter().find(is_node)?;
    let link_type = |link: &uapi::Link| link.flags & uapi::LINK_TYPE;
    let entity = graph
        .links
        .iter()
        .find(|link| link_type(link) == uapi::INTERFACE_LINK && link.source == interface.id)?;
    let entity = entity.sink;
    let entity_of_pad = |pad| {
        let pad = graph.pads.iter().find(|candidate| candidate.id == pad)?;
        Some(pad.entity)
    };
    let name = |id| {
        let entity = graph.entities.iter().find(|candidate| candidate.id == id)?;
        Some(text(&entity.name))
    };
    let feeding = graph.links.iter().find(|link| {
        link_type(link) == 0
            && link.flags & uapi::LINK_ENABLED != 0
            && entity_of_pad(link.sink) == Some(entity)
    });
    Some(Node {
        entity: name(entity)?,
        source: feeding
            .and_then(|link| entity_of_pad(link.source))
            .and_then(name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uapi::{Entity, Interface, Link, Pad};

    fn entity(id: u32, name: &str) -> Entity {
        let mut entity = Entity {
            id,
            ..Entity::default()
        };
        entity.name[..name.len()].copy_from_slice(name.as_bytes());
        entity
    }

    /// A sensor (1, pad 11) that feeds a node (2, pad 12) behind 81:3.
    fn graph(flags: u32) -> Topology {
        Topology {
            entities: vec![entity(1, "Sensor A"), entity(2, "Raw Capture 0")],
            interfaces: vec![Interface {
                id: 21,
                major: 81,
                minor: 3,
                ..Interface::default()
            }],
            pads: vec![
                Pad {
                    id: 11,
                    entity: 1,
                    ..Pad::default()
                },
                Pad {
                    id: 12,
                    entity: 2,
                    ..Pad::default()
                },
            ],
            links: vec![
                Link {
                    source: 11,
                    sink: 12,
                    flags,
                    ..Link::default()
                },
                Link {
                    source: 21,
                    sink: 2,
                    flags: uapi::INTERFACE_LINK,
                    ..Link::default()
                },
            ],
        }
    }

    #[test]
    fn a_node_is_found_by_its_number_with_what_feeds_it() {
        let node = |source: Option<&str>| Node {
            entity: "Raw Capture 0".into(),
            source: source.map(Into::into),
        };
        let enabled = graph(uapi::LINK_ENABLED);
        assert_eq!(find(&enabled, 81, 3), Some(node(Some("Sensor A"))));
        assert_eq!(find(&graph(0), 81, 3), Some(node(None)));
        assert_eq!(find(&enabled, 81, 4), None);
    }

    #[test]
    fn the_media_device_is_the_one_of_the_parent() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(media_node(directory.path()), None);
        for name in ["mediax", "power", "media3"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        assert_eq!(media_node(directory.path()), Some("/dev/media3".into()));
    }
}
