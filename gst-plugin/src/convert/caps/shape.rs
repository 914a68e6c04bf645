//! Sizes through a backend that does not scale: what is cut off is missing, and turns swap the sides.

use gst::prelude::*;

use crate::convert::job::Wishes;

/// Gives `kept` the size that `structure` has on the other side. One that is not known stays open.
pub(super) fn carry_over(
    structure: &gst::StructureRef,
    kept: &mut gst::StructureRef,
    direction: gst::PadDirection,
    wishes: Wishes,
) {
    let margins = wishes.margins;
    let cut_sides = [
        i64::from(margins.left) + i64::from(margins.right),
        i64::from(margins.top) + i64::from(margins.bottom),
    ];
    let names = ["width", "height"];
    let is_turned = wishes.orientation.swaps_sides();
    for axis in 0..2 {
        let other = if is_turned { 1 - axis } else { axis };
        let is_input = direction == gst::PadDirection::Sink;
        // What is cut off belongs to the axis of what comes in.
        let change = if is_input {
            -cut_sides[axis]
        } else {
            cut_sides[other]
        };
        let Ok(value) = structure.value(names[axis]) else {
            continue;
        };
        if let Some(value) = moved(value, change) {
            kept.set_value(names[other], value);
        }
    }
}

/// A side, or a range of sides, with so many pixels more.
fn moved(value: &gst::glib::SendValue, change: i64) -> Option<gst::glib::SendValue> {
    let side = |side: i32| {
        let side = (i64::from(side) + change).clamp(1, i64::from(i32::MAX));
        i32::try_from(side).unwrap_or(i32::MAX)
    };
    if let Ok(one) = value.get::<i32>() {
        return Some(side(one).to_send_value());
    }
    let range = value.get::<gst::IntRange<i32>>().ok()?;
    Some(gst::IntRange::new(side(range.min()), side(range.max())).to_send_value())
}
