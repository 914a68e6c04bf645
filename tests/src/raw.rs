//! Pictures as rows of bytes, in whatever format they came.

use gst_video::prelude::*;

/// The bytes of all planes, without what lies behind rows and planes.
#[track_caller]
pub fn bytes(sample: &gst::Sample) -> Vec<u8> {
    let info = gst_video::VideoInfo::from_caps(sample.caps().expect("caps")).expect("video");
    let buffer = sample.buffer().expect("a picture");
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info).expect("pixels");
    let mut bytes = Vec::new();
    for plane in 0..frame.n_planes() {
        let component = (0..frame.n_components())
            .find(|&it| frame.format_info().plane()[it as usize] == plane)
            .expect("a component");
        let rows = frame.comp_height(component);
        let stride = usize::try_from(frame.plane_stride()[plane as usize]).expect("top-down");
        let pixel = usize::try_from(frame.comp_pstride(component)).expect("positive");
        let len = frame.comp_width(component) as usize * pixel;
        // YUY2 and UYVY count luma in every second byte.
        let data = frame.plane_data(plane).expect("a plane");
        for row in 0..rows as usize {
            bytes.extend_from_slice(&data[row * stride..][..len]);
        }
    }
    bytes
}

/// The last picture of a pipeline that ends by itself; a sink is put behind it.
#[track_caller]
pub fn last(pipeline: &str) -> Vec<u8> {
    gst::init().expect("GStreamer starts");
    let description = format!("{pipeline} ! fakesink name=end");
    let whole =
        gst::parse::launch(&description).unwrap_or_else(|error| panic!("{description}: {error}"));
    let whole = whole.downcast::<gst::Pipeline>().expect("several elements");
    whole.set_state(gst::State::Playing).expect("it plays");
    let bus = whole.bus().expect("a pipeline has a bus");
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &ends);
    let sink = whole.by_name("end").expect("it has a name");
    let sample = sink.property::<Option<gst::Sample>>("last-sample");
    let bytes = sample.as_ref().map(bytes);
    whole.set_state(gst::State::Null).expect("it stops");
    bytes.unwrap_or_else(|| panic!("{description}: {message:?}"))
}

/// How far one picture is from another of 8 bits, in dB; equal pictures have 100.
#[track_caller]
pub fn psnr(ours: &[u8], peers: &[u8]) -> f64 {
    assert_eq!(ours.len(), peers.len());
    let square = |(a, b): (&u8, &u8)| u64::from(a.abs_diff(*b)).pow(2);
    let sum: u64 = ours.iter().zip(peers).map(square).sum();
    if sum == 0 {
        return 100.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "small pictures")]
    let mean = sum as f64 / ours.len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

/// How far the byte that differs most is from the peer's.
#[track_caller]
pub fn worst(ours: &[u8], peers: &[u8]) -> u8 {
    assert_eq!(ours.len(), peers.len());
    let off = ours.iter().zip(peers).map(|(a, b)| a.abs_diff(*b));
    off.max().expect("a picture")
}

#[cfg(test)]
mod tests {
    use super::{psnr, worst};

    #[test]
    fn one_wrong_byte_is_seen_both_ways() {
        let (ours, peers) = ([10, 20, 30, 40], [10, 20, 31, 40]);
        assert_eq!(worst(&ours, &peers), 1);
        assert!(psnr(&ours, &peers) < psnr(&ours, &ours));
    }
}
