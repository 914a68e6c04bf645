use std::sync::Mutex;

use dmabuf_heap::LayoutRequest;
use gst::prelude::*;
use gst::{PadProbeReturn, PadProbeType};

use super::*;
use crate::caps::VideoCaps;
use crate::testing::Device;

const PICTURE: &str = "video/x-raw,format=NV12,width=64,height=64,framerate=30/1";

fn picture_of(query: &gst::query::Allocation) -> FrameSpec {
    let caps = query.get().0.expect("caps");
    VideoCaps::parse(caps).expect("video").picture()
}

/// Answers ALLOCATION queries at `sink` as an element with a device does.
fn answer_at(sink: &gst::Element, name: &'static str) {
    let pad = sink.static_pad("sink").expect("a sink");
    let importer: Arc<dyn Importer> = Device::willing(name);
    pad.add_probe(PadProbeType::QUERY_DOWNSTREAM, move |_pad, info| {
        let Some(gst::QueryViewMut::Allocation(query)) =
            info.query_mut().map(gst::QueryRef::view_mut)
        else {
            return PadProbeReturn::Ok;
        };
        let picture = picture_of(query);
        query.add_allocation_meta::<VideoMeta>(None);
        add_importer(query, picture, Arc::clone(&importer));
        PadProbeReturn::Handled
    });
}

/// Plays one frame from an element `source` to elements `left` and perhaps `right`; which importers `source` hears of.
fn heard_by_source(launch: &str) -> Vec<String> {
    gst::init().expect("GStreamer");
    let pipeline = gst::parse::launch(launch).expect(launch);
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    for name in ["left", "right"] {
        if let Some(sink) = pipeline.by_name(name) {
            answer_at(&sink, name);
        }
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let source = pipeline.by_name("source").expect("a source");
    let output = source.static_pad("src").expect("an output");
    let answers = Arc::clone(&heard);
    let after = PadProbeType::QUERY_DOWNSTREAM | PadProbeType::PULL;
    output.add_probe(after, move |_pad, info| {
        if let Some(gst::QueryView::Allocation(query)) = info.query().map(gst::QueryRef::view) {
            let importers = importers_of(query, &picture_of(query));
            let names = importers.iter().map(|it| it.name().to_owned());
            *answers.lock().expect("no panic") = names.collect();
        }
        PadProbeReturn::Ok
    });

    pipeline.set_state(gst::State::Playing).expect("plays");
    let bus = pipeline.bus().expect("a bus");
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &end);
    let ended = message.is_some_and(|it| it.type_() == gst::MessageType::Eos);
    pipeline.set_state(gst::State::Null).expect("stops");
    assert!(ended, "{launch}");
    let mut names = heard.lock().expect("no panic").clone();
    names.sort();
    names
}

fn source() -> String {
    format!("videotestsrc num-buffers=1 name=source ! {PICTURE}")
}

#[test]
fn elements_that_hand_buffers_on_hand_importers_on() {
    for between in ["", "queue !", "identity ! queue ! valve !", "videorate !"] {
        let launch = format!("{} ! {between} fakesink name=left", source());
        assert_eq!(heard_by_source(&launch), ["left"], "{between}");
    }
}

#[test]
fn an_element_that_works_in_place_keeps_importers() {
    let launch = format!(
        "{} ! videobalance saturation=0 ! fakesink name=left",
        source()
    );
    assert_eq!(heard_by_source(&launch), ["left"]);
}

#[test]
fn an_element_that_makes_memory_of_its_own_keeps_importers_from_upstream() {
    let turned = format!(
        "{} ! videoflip method=rotate-180 ! fakesink name=left",
        source()
    );
    assert_eq!(heard_by_source(&turned), [""; 0]);
    let converted = format!(
        "{} ! videoconvert ! video/x-raw,format=BGRx ! fakesink name=left",
        source()
    );
    assert_eq!(heard_by_source(&converted), [""; 0]);
}

#[test]
fn a_tee_joins_the_importers_of_its_branches() {
    let launch = format!(
        "{} ! tee name=fork ! queue ! fakesink name=left fork. ! queue ! fakesink name=right",
        source()
    );
    let expected: &[&str] = if gst::version() >= (1, 26, 0, 0) {
        &["left", "right"]
    } else {
        &[]
    };
    assert_eq!(heard_by_source(&launch), expected);
}

#[test]
fn all_importers_share_one_entry() {
    gst::init().expect("GStreamer");
    let caps: gst::Caps = PICTURE.parse().expect("caps syntax");
    let mut query = gst::query::Allocation::new(Some(&caps), false);
    let query = query.get_mut().expect("ours alone");
    let picture = picture_of(query);
    add_importer(query, picture, Device::willing("first"));
    add_importer(query, picture, Device::willing("second"));
    assert_eq!(query.allocation_metas().count(), 1);
    assert_eq!(importers_of(query, &picture).len(), 2);
}

fn video_meta(layout: &LayoutRequest, size: u32) -> Option<gst::Structure> {
    gst::init().expect("GStreamer");
    let caps: gst::Caps = PICTURE.parse().expect("caps syntax");
    let video = VideoCaps::parse(&caps).expect("video");
    let layout = layout.layout().expect("a layout");
    video_meta_params(video.info(), &layout, size)
}

#[test]
fn wider_rows_are_told_in_gstreamers_words() {
    let request = LayoutRequest::new(dmabuf_heap::Fourcc::NV12, 64, 64).stride_align(256);
    let params = video_meta(&request, 256 * 64 * 3 / 2).expect("an alignment");
    assert_eq!(params.name(), "video-meta");
    assert_eq!(params.get::<u32>("stride-align0"), Ok(255));
    assert_eq!(params.get::<u32>("padding-right"), Ok(0));
}

#[test]
fn what_gstreamer_does_anyway_and_what_it_cannot_say_are_not_told() {
    let request = LayoutRequest::new(dmabuf_heap::Fourcc::NV12, 64, 64);
    assert_eq!(video_meta(&request, 64 * 64 * 3 / 2), None);
    assert_eq!(
        video_meta(&request.clone().plane_strides(&[200]), 200 * 64 * 3 / 2),
        None
    );
    assert_eq!(video_meta(&request.stride_align(256), 1 << 20), None);
}
