//! The properties of one KMS object, looked up once.
//!
//! KMS names its properties by strings and takes them by numbers that differ from driver to driver.
//! Each look-up is a system call, so they are made when the object is first met and never per frame.
//! Objects of one kind share most of their properties, so a card remembers those it has described.

use std::collections::HashMap;
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
    info: Arc<Info>,
    found: RawValue,
}

/// What a card has said about its properties.
#[derive(Debug, Default)]
pub(crate) struct PropertyInfos(Mutex<HashMap<Handle, Arc<Info>>>);

impl Properties {
    /// Reads all properties of `object`.
    pub(crate) fn read<H: ResourceHandle>(card: &Card, object: H) -> io::Result<Properties> {
        let mut by_name = HashMap::new();
        for (&handle, &found) in &card.get_properties(object)? {
            let info = card.property_infos().describe(card, handle)?;
            let name = info.name().to_string_lossy().into_owned();
            by_name.insert(name, Property { info, found });
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
        self.by_name
            .get(name)
            .map(|property| property.info.handle())
    }

    /// The value a property had when it was read.
    pub(crate) fn found(&self, name: &str) -> Option<RawValue> {
        self.by_name.get(name).map(|property| property.found)
    }

    /// The number that stands for `entry` in an enum property.
    pub(crate) fn entry(&self, name: &str, entry: &str) -> Option<RawValue> {
        match self.by_name.get(name)?.info.value_type() {
            ValueType::Enum(entries) => entries
                .values()
                .1
                .iter()
                .find(|candidate| candidate.name().to_bytes() == entry.as_bytes())
                .map(drm::control::property::EnumValue::value),
            _ => None,
        }
    }

    /// Numbers and found values of all properties.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, RawValue)> {
        self.by_name
            .values()
            .map(|property| (property.info.handle(), property.found))
    }
}

impl PropertyInfos {
    fn describe(&self, card: &Card, handle: Handle) -> io::Result<Arc<Info>> {
        let mut infos = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(info) = infos.get(&handle) {
            return Ok(Arc::clone(info));
        }
        let info = Arc::new(card.get_property(handle)?);
        infos.insert(handle, Arc::clone(&info));
        Ok(info)
    }
}
