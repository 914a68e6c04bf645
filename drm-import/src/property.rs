//! The properties of one KMS object, looked up once.
//!
//! KMS names its properties by strings and takes them by numbers that differ from driver to driver.
//! Each look-up is a system call, so they are made when the object is first met and never per frame.

use std::collections::HashMap;
use std::io;

use drm::control::property::{Handle, RawValue, ValueType};
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
    handle: Handle,
    found: RawValue,
    kind: ValueType,
    mutable: bool,
}

impl Properties {
    /// Reads all properties of `object`.
    pub(crate) fn read<H: ResourceHandle>(card: &Card, object: H) -> io::Result<Properties> {
        let mut by_name = HashMap::new();
        for (&handle, &found) in &card.get_properties(object)? {
            let info = card.get_property(handle)?;
            let property = Property {
                handle,
                found,
                kind: info.value_type().clone(),
                mutable: info.mutable(),
            };
            by_name.insert(info.name().to_string_lossy().into_owned(), property);
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
        self.by_name.get(name).map(|property| property.handle)
    }

    /// The value a property had when it was read.
    pub(crate) fn found(&self, name: &str) -> Option<RawValue> {
        self.by_name.get(name).map(|property| property.found)
    }

    /// The number that stands for `entry` in an enum property.
    pub(crate) fn entry(&self, name: &str, entry: &str) -> Option<RawValue> {
        match &self.by_name.get(name)?.kind {
            ValueType::Enum(entries) => entries
                .values()
                .1
                .iter()
                .find(|candidate| candidate.name().to_bytes() == entry.as_bytes())
                .map(drm::control::property::EnumValue::value),
            _ => None,
        }
    }

    /// Numbers and found values of all properties that may be written.
    pub(crate) fn writable(&self) -> impl Iterator<Item = (&str, Handle, RawValue)> {
        self.by_name
            .iter()
            .filter(|(_, property)| property.mutable)
            .map(|(name, property)| (name.as_str(), property.handle, property.found))
    }
}
