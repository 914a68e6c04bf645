//! Pictures from GStreamer: what a display read back, and what a peer makes of the same source.

use gst::prelude::*;
use gst_video::prelude::*;

use crate::picture::Picture;

impl Picture {
    /// Has the peer `videoconvert` turn frame number `frame` of `source` (the head of a pipeline, caps included) into RGB.
    ///
    /// Chroma is repeated and nothing is dithered, as display hardware (and vkms) does it. The way through 16 bits per channel
    /// keeps it from its short cuts, which are off by 5.
    #[track_caller]
    pub fn by_videoconvert(source: &str, frame: usize, width: u32, height: u32) -> Picture {
        gst::init().expect("GStreamer starts");
        let deep = "videoconvert chroma-mode=none dither=none ! video/x-raw,format=ARGB64";
        let convert = format!("{deep} ! videoconvert dither=none ! video/x-raw,format=BGRx");
        let end = format!(
            "identity eos-after={} ! {convert} ! fakesink name=end",
            frame + 1
        );
        let pipeline = gst::parse::launch(&format!("{source} ! {end}"))
            .unwrap_or_else(|error| panic!("{source}: {error}"));
        let pipeline = pipeline
            .downcast::<gst::Pipeline>()
            .expect("several elements");
        pipeline
            .set_state(gst::State::Playing)
            .unwrap_or_else(|error| panic!("{source}: {error}"));
        let bus = pipeline.bus().expect("a pipeline has a bus");
        let ends = [gst::MessageType::Eos, gst::MessageType::Error];
        let message = bus
            .timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends)
            .expect("an end");
        let sink = pipeline.by_name("end").expect("the sink has a name");
        let sample = sink.property::<Option<gst::Sample>>("last-sample");
        pipeline
            .set_state(gst::State::Null)
            .expect("NULL can always be reached");
        let picture = Picture::of_sample(
            &sample.unwrap_or_else(|| panic!("no picture of {source}: {message:?}")),
        );
        assert_eq!(
            (picture.width(), picture.height()),
            (width, height),
            "{source}"
        );
        picture
    }

    /// Copies a sample of `BGRx`.
    #[track_caller]
    pub fn of_sample(sample: &gst::Sample) -> Picture {
        let info = gst_video::VideoInfo::from_caps(sample.caps().expect("a sample with caps"))
            .expect("raw video");
        assert_eq!(info.format(), gst_video::VideoFormat::Bgrx);
        let buffer = sample.buffer().expect("a sample with a picture");
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)
            .expect("memory for the CPU");
        let stride = usize::try_from(frame.plane_stride()[0]).expect("rows from top to bottom");
        let row_len = frame.width() as usize * 4;
        let rows = frame
            .plane_data(0)
            .expect("one plane")
            .chunks(stride)
            .take(frame.height() as usize);
        let pixels = rows
            .flat_map(|row| row[..row_len].chunks_exact(4))
            .flat_map(|bgrx| [bgrx[2], bgrx[1], bgrx[0]]);
        Picture::new(frame.width(), frame.height(), pixels.collect())
    }
}
