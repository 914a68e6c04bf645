//! The property `extra-controls`.

use gst::glib;
use v4l2_import::{ControlInfo, ControlValue, Device};

/// Sets the controls that a structure names; a sentence for each that could not be set.
///
/// Names may be written as `v4l2-ctl` prints them or as the driver does: `horizontal_flip` or `Horizontal Flip`.
pub(crate) fn apply(device: &Device, wanted: &gst::StructureRef) -> Vec<String> {
    let controls = match device.controls() {
        Ok(controls) => controls,
        Err(error) => return vec![error.to_string()],
    };
    let set = |(name, value): (&glib::GStr, &glib::SendValue)| {
        set_one(device, &controls, name, value).err()
    };
    wanted.iter().filter_map(set).collect()
}

fn set_one(
    device: &Device,
    controls: &[ControlInfo],
    name: &str,
    value: &glib::SendValue,
) -> Result<(), String> {
    let spelled = spell(name);
    let Some(control) = controls.iter().find(|control| control.name == spelled) else {
        let names: Vec<_> = controls.iter().map(|it| it.name.as_str()).collect();
        return Err(format!(
            "{} has no control {name}; it has {}",
            device.info(),
            names.join(", ")
        ));
    };
    let value = control_value(value)
        .ok_or_else(|| format!("control {name} is to be a number or a text, not {value:?}"))?;
    device
        .set_control(control, value)
        .map_err(|error| error.to_string())
}

fn control_value(value: &glib::SendValue) -> Option<ControlValue> {
    if let Ok(number) = value.get::<i32>() {
        return Some(i64::from(number).into());
    }
    if let Ok(number) = value.get::<i64>() {
        return Some(number.into());
    }
    if let Ok(number) = value.get::<u32>() {
        return Some(i64::from(number).into());
    }
    if let Ok(is_on) = value.get::<bool>() {
        return Some(is_on.into());
    }
    let text = value.get::<String>().ok()?;
    Some(text.as_str().into())
}

/// Letters and digits in lower case, and one underscore for everything between.
fn spell(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("_").to_ascii_lowercase()
}
