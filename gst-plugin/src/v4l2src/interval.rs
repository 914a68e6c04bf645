//! How often the camera takes a picture.

use v4l2_import::{Device, DeviceError, Interval, Queue};

use super::format::Rate;

/// Frames per second of a usual video.
const USUAL_FPS: i32 = 30;

/// The rate of the camera, set to what is wished, or the nearest.
pub(super) fn set_interval(
    device: &Device,
    structure: Option<&gst::StructureRef>,
) -> Result<Option<Interval>, DeviceError> {
    let Ok(current) = device.interval(Queue::Capture) else {
        return Ok(None);
    };
    let rate = Rate {
        interval: Some(current),
        pixel_aspect: (1, 1),
    };
    let fps = rate.fps();
    let wished = wished_fps(structure, fps);
    if wished == fps || wished.numer() <= 0 {
        return Ok(Some(current));
    }
    let interval = Interval {
        numerator: wished.denom().unsigned_abs(),
        denominator: wished.numer().unsigned_abs(),
    };
    device.set_interval(Queue::Capture, interval).map(Some)
}

/// The rate that is wished, the nearest to the camera's own if there are several; but no camera need stay slower than usual.
fn wished_fps(structure: Option<&gst::StructureRef>, current: gst::Fraction) -> gst::Fraction {
    let target = current.max(gst::Fraction::new(USUAL_FPS, 1));
    let Some(structure) = structure.filter(|it| it.has_field("framerate")) else {
        return target;
    };
    let mut wished = structure.to_owned();
    wished.fixate_field_nearest_fraction("framerate", target);
    wished.get("framerate").unwrap_or(current)
}

/// What nobody but downstream has an opinion on is as it wishes: the rate of a camera that does not know its own.
pub(super) fn take_over(
    caps: &mut gst::CapsRef,
    structure: Option<&gst::StructureRef>,
    rate: Rate,
) {
    if rate.interval.is_some() {
        return;
    }
    let wished = structure.and_then(|it| it.get::<gst::Fraction>("framerate").ok());
    if let (Some(wished), Some(own)) = (wished, caps.structure_mut(0)) {
        own.set("framerate", wished);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_camera_stays_slow_unless_that_is_wished() {
        gst::init().expect("GStreamer");
        let fps = |text: &str, current: i32| {
            let caps: gst::Caps = text.parse().expect("caps syntax");
            let fps = wished_fps(caps.structure(0), gst::Fraction::new(current, 1));
            (fps.numer(), fps.denom())
        };
        assert_eq!(fps("video/x-raw", 5), (30, 1));
        assert_eq!(fps("video/x-raw", 60), (60, 1));
        assert_eq!(fps("video/x-raw,framerate=[0/1,15/1]", 60), (15, 1));
        assert_eq!(fps("video/x-raw,framerate=25/2", 60), (25, 2));
    }
}
