//! Controls: brightness, flips, rotation, what a driver has.

mod info;
mod value;

use std::os::fd::AsFd;

use rustix::io::Errno;

pub use info::{ControlId, ControlInfo, ControlKind};
pub use value::ControlValue;

use crate::device::{Device, DeviceError, text};
use crate::uapi::{self, QueryControl, QueryMenu};

const NEXT_OF_ANY_KIND: u32 = 0x8000_0000 | 0x4000_0000;

impl Device {
    /// Every control that the device has, in the order of their ids.
    ///
    /// # Errors
    ///
    /// The device is gone. A device without controls has an empty list.
    pub fn controls(&self) -> Result<Vec<ControlInfo>, DeviceError> {
        let mut controls = Vec::new();
        let mut query = QueryControl::default();
        loop {
            query.id |= NEXT_OF_ANY_KIND;
            match uapi::query_control(self.as_fd(), &mut query) {
                Ok(()) => controls.extend(ControlInfo::new(&query)),
                Err(Errno::INVAL | Errno::NOTTY) => return Ok(controls),
                Err(errno) => {
                    let subject = format_args!("the control behind {:#010x}", query.id);
                    return Err(self.error(None, "VIDIOC_QUERY_EXT_CTRL", subject, errno));
                }
            }
        }
    }

    /// One control by its id: a single question.
    ///
    /// # Errors
    ///
    /// The device has no such control (EINVAL).
    pub fn control(&self, id: ControlId) -> Result<ControlInfo, DeviceError> {
        let mut query = QueryControl {
            id: id.0,
            ..QueryControl::default()
        };
        let error = |errno| {
            self.error(
                None,
                "VIDIOC_QUERY_EXT_CTRL",
                format_args!("control {id}"),
                errno,
            )
        };
        uapi::query_control(self.as_fd(), &mut query).map_err(error)?;
        ControlInfo::new(&query).ok_or_else(|| error(Errno::INVAL))
    }

    /// One control by the name that `v4l2-ctl --list-ctrls` prints, as `horizontal_flip`. Asks for all controls.
    ///
    /// # Errors
    ///
    /// The device has none of that name (EINVAL); the error lists those it has.
    pub fn control_named(&self, name: &str) -> Result<ControlInfo, DeviceError> {
        let mut controls = self.controls()?;
        if let Some(at) = controls.iter().position(|control| control.name == name) {
            return Ok(controls.swap_remove(at));
        }
        let names: Vec<_> = controls
            .iter()
            .map(|control| control.name.as_str())
            .collect();
        let subject = format!("control {name} (the device has {})", names.join(", "));
        Err(self.error(None, "VIDIOC_QUERY_EXT_CTRL", subject, Errno::INVAL))
    }

    /// The entries of a menu, by the number to choose them by. Numbers may be missing.
    ///
    /// # Errors
    ///
    /// The device is gone.
    pub fn menu(&self, control: &ControlInfo) -> Result<Vec<(i64, String)>, DeviceError> {
        let is_menu = matches!(control.kind, ControlKind::Menu | ControlKind::IntegerMenu);
        let range = control.minimum..=control.maximum;
        let mut entries = Vec::new();
        for index in range.filter(|_index| is_menu) {
            let mut query = QueryMenu {
                id: control.id.0,
                index: u32::try_from(index).unwrap_or_default(),
                ..QueryMenu::default()
            };
            match uapi::query_menu(self.as_fd(), &mut query) {
                Ok(()) => entries.push((index, control.kind.entry(&query))),
                Err(Errno::INVAL) => {}
                Err(errno) => {
                    let subject = format_args!("entry {index} of control {}", control.name);
                    return Err(self.error(None, "VIDIOC_QUERYMENU", subject, errno));
                }
            }
        }
        Ok(entries)
    }

    /// What a control is set to.
    ///
    /// # Errors
    ///
    /// It can only be written, or has a kind of value that this crate does not know (EINVAL).
    pub fn control_value(&self, control: &ControlInfo) -> Result<ControlValue, DeviceError> {
        let id = control.id.0;
        let value = match control.kind {
            ControlKind::Text => {
                let capacity = usize::try_from(control.maximum).unwrap_or_default() + 1;
                uapi::control_text(self.as_fd(), id, capacity)
                    .map(|bytes| ControlValue::Text(text(&bytes)))
            }
            ControlKind::Other(_) => Err(Errno::INVAL),
            kind => uapi::control_value(self.as_fd(), id, kind.is_wide())
                .map(|number| ControlValue::Number(kind.unsigned(number))),
        };
        let subject = format_args!("control {}", control.name);
        value.map_err(|errno| self.error(None, "VIDIOC_G_EXT_CTRLS", subject, errno))
    }

    /// Sets a control.
    ///
    /// # Errors
    ///
    /// It can only be read (EACCES), is grabbed while the device streams (EBUSY), or the value is out of its range (ERANGE); the
    /// error names the range. A text to a control with numbers, or the other way round, is EINVAL.
    pub fn set_control(
        &self,
        control: &ControlInfo,
        value: impl Into<ControlValue>,
    ) -> Result<(), DeviceError> {
        let value = value.into();
        let id = control.id.0;
        let result = match (&value, control.kind) {
            (_, ControlKind::Other(_)) => Err(Errno::INVAL),
            (ControlValue::Text(text), ControlKind::Text) => {
                let mut bytes = text.clone().into_bytes();
                bytes.push(0);
                uapi::set_control_text(self.as_fd(), id, &mut bytes)
            }
            // The kernel would take the nearest value in silence.
            (ControlValue::Number(number), kind) if !control.accepts(*number) => {
                Err(if kind == ControlKind::Text {
                    Errno::INVAL
                } else {
                    Errno::RANGE
                })
            }
            (ControlValue::Number(number), kind) if kind != ControlKind::Text => {
                let number = kind.signed(*number);
                uapi::set_control_value(self.as_fd(), id, number, kind.is_wide())
            }
            _ => Err(Errno::INVAL),
        };
        result.map_err(|errno| {
            let subject = format_args!("control {} to {value} ({})", control.name, control.range());
            self.error(None, "VIDIOC_S_EXT_CTRLS", subject, errno)
        })
    }
}
