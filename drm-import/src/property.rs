//! The properties of one KMS object, looked up once.
//!
//! KMS names its properties by strings and takes them by numbers that differ from driver to driver.
//! Each look-up is a system call, so they are made when the object is first met and never per frame.
//! Objects of one kind share most of their properties, so a card remembers those it has described.

use std::collections::HashMap;
use std::ffi::CStr;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use drm::control::property::{Handle, Info, RawValue, ValueType};
use drm::control::{Device as _, RawResourceHandle, ResourceHandle};

use crate::device::Card;

/// Names, numbers and found values of the properties of one object.
#[derive(Debug)]
pub(crate) struct Properties {
    object: RawResourceHandle,
    by_name: HashMap<String, Property>,
}

#[derive(Debug)]
struct Property {
    info: Arc<PropertyInfo>,
    found: RawValue,
}

/// What a card says about one of its properties.
#[derive(Debug)]
struct PropertyInfo {
    name: String,
    handle: Handle,
    /// The named values of an enum property.
    entries: Vec<(String, RawValue)>,
}

/// What a card has said about its properties.
#[derive(Debug, Default)]
pub(crate) struct PropertyInfos(Mutex<HashMap<Handle, Arc<PropertyInfo>>>);

impl Properties {
    /// Reads all properties of `object`.
    pub(crate) fn read<H: ResourceHandle>(card: &Card, object: H) -> io::Result<Properties> {
        let mut by_name = HashMap::new();
        for (&handle, &found) in &card.get_properties(object)? {
            let info = card.property_infos().describe(card, handle)?;
            by_name.insert(info.name.clone(), Property { info, found });
        }
        Ok(Properties {
            object: object.into(),
            by_name,
        })
    }

    /// The object these belong to.
    pub(crate) fn object(&self) -> RawResourceHandle {
        self.object
    }

    /// The number of a property, if the object has it.
    pub(crate) fn handle(&self, name: &str) -> Option<Handle> {
        self.by_name.get(name).map(|property| property.info.handle)
    }

    /// The value a property had when it was read.
    pub(crate) fn found(&self, name: &str) -> Option<RawValue> {
        self.by_name.get(name).map(|property| property.found)
    }

    /// The number that stands for `entry` in an enum property.
    pub(crate) fn entry(&self, name: &str, entry: &str) -> Option<RawValue> {
        let entries = &self.by_name.get(name)?.info.entries;
        entries
            .iter()
            .find(|(candidate, _)| candidate == entry)
            .map(|&(_, value)| value)
    }

    /// Numbers and found values of all properties.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, RawValue)> {
        self.by_name
            .values()
            .map(|property| (property.info.handle, property.found))
    }
}

impl PropertyInfos {
    fn describe(&self, card: &Card, handle: Handle) -> io::Result<Arc<PropertyInfo>> {
        let mut infos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(info) = infos.get(&handle) {
            return Ok(Arc::clone(info));
        }
        let info = Arc::new(PropertyInfo::new(&card.get_property(handle)?));
        infos.insert(handle, Arc::clone(&info));
        Ok(info)
    }
}

impl PropertyInfo {
    fn new(info: &Info) -> PropertyInfo {
        let text = |name: &CStr| name.to_string_lossy().into_owned();
        let entries = match info.value_type() {
            ValueType::Enum(entries) => entries
                .values()
                .1
                .iter()
                .map(|entry| (text(entry.name()), entry.value()))
                .collect(),
            _ => Vec::new(),
        };
        PropertyInfo {
            name: text(info.name()),
            handle: info.handle(),
            entries,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An object with these names and found values, numbered by `object` and by their position.
    pub(crate) fn object(object: u32, found: &[(&str, RawValue)]) -> Properties {
        let number = |value: u32| RawResourceHandle::new(value).unwrap();
        let property = |(index, &(name, found)): (usize, &(&str, RawValue))| {
            let info = PropertyInfo {
                name: name.into(),
                handle: number(u32::try_from(index).unwrap() + 1).into(),
                entries: vec![("second".into(), 1), ("third".into(), 2)],
            };
            (
                name.into(),
                Property {
                    info: Arc::new(info),
                    found,
                },
            )
        };
        Properties {
            object: number(object),
            by_name: found.iter().enumerate().map(property).collect(),
        }
    }

    #[test]
    fn an_entry_is_found_by_its_whole_name() {
        let plane = object(7, &[("type", 1)]);
        assert_eq!(plane.entry("type", "third"), Some(2));
        assert_eq!(plane.entry("type", "thi"), None);
        assert_eq!(plane.entry("rotation", "third"), None);
    }
}
