use crate::control::ControlId;
use crate::device::{Device, Queue, Rectangle, Rounding, SelectionTarget};
use crate::format::Colorimetry;

use super::error::ConvertError;

/// What a converter does besides changing the format and the size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transform {
    /// What the pixels that go in stand for.
    pub colorimetry: Colorimetry,
    /// The part of the pictures that go in; `None`: all of them.
    pub crop: Option<Rectangle>,
    /// Turns clockwise, in degrees: 0, 90, 180 or 270. Before the flips.
    pub rotate: u32,
    /// Left and right are swapped.
    pub horizontal_flip: bool,
    /// Top and bottom are swapped.
    pub vertical_flip: bool,
}

impl Transform {
    /// Sets controls and rectangles. What is at its default and the device has no control for is left alone.
    pub(super) fn apply(&self, device: &Device) -> Result<(), ConvertError> {
        set(device, ControlId::ROTATE, "rotate", self.rotate.into())?;
        for (id, name, is_on) in [
            (
                ControlId::HORIZONTAL_FLIP,
                "horizontal_flip",
                self.horizontal_flip,
            ),
            (
                ControlId::VERTICAL_FLIP,
                "vertical_flip",
                self.vertical_flip,
            ),
        ] {
            set(device, id, name, is_on.into())?;
        }
        let Some(crop) = self.crop else {
            return Ok(());
        };
        let target = SelectionTarget::Crop;
        let got = device.set_selection(Queue::Output, target, crop, Rounding::Nearest)?;
        if got == crop {
            return Ok(());
        }
        Err(ConvertError::Crop {
            device: device.info().to_string(),
            wanted: crop,
            nearest: got,
        })
    }
}

fn set(device: &Device, id: ControlId, name: &str, value: i64) -> Result<(), ConvertError> {
    match device.control(id) {
        Ok(control) => Ok(device.set_control(&control, value)?),
        Err(_none) if value == 0 => Ok(()),
        Err(_none) => Err(ConvertError::NoControl {
            device: device.info().to_string(),
            control: name.to_owned(),
            value,
        }),
    }
}
