use gst_video::VideoMeta;

use super::decision::DecisionError;
use super::*;
use crate::pool::Users;
use crate::query;
use crate::testing::{Device, Plentiful};

const CAPS: &str = "video/x-raw,format=NV12,width=362,height=48,framerate=30/1";

/// An outlet on a heap that has plenty.
fn outlet() -> Outlet {
    gst::init().expect("GStreamer");
    let registry = dmabuf_heap::Registry::empty();
    let allocator = Arc::new(Plentiful("plenty"));
    registry.register(allocator).expect("a free name");
    let source = HeapSource::among(Arc::new(registry), crate::heap::AUTO).expect("an allocator");
    let outlet = Outlet::default();
    *lock(&outlet.source) = Some(Arc::new(source));
    outlet
}

fn element() -> gst::Element {
    gst::ElementFactory::make("fakesrc").build().expect("core")
}

/// The answer of those downstream.
fn answer(reads_meta: bool, held: u32) -> gst::query::Allocation<gst::Query> {
    let caps: gst::Caps = CAPS.parse().expect("caps syntax");
    let mut query = gst::query::Allocation::new(Some(&caps), true);
    query.add_allocation_pool(None::<&gst::BufferPool>, 0, held, 0);
    if reads_meta {
        query.add_allocation_meta::<VideoMeta>(None);
    }
    query
}

fn decide(outlet: &Outlet, query: &gst::query::Allocation, writer: Users) -> Decision {
    let decision = outlet.decide(&element(), query, writer, 3);
    decision.expect("plenty")
}

#[test]
fn a_pool_has_a_buffer_for_each_frame_that_is_held_anywhere() {
    let outlet = outlet();
    let camera = || Users::of_device(Device::willing("camera"));
    let decision = decide(&outlet, &answer(true, 4), camera());
    assert_eq!(decision.buffers, 7);
    assert_eq!(
        decide(&outlet, &answer(true, 0), camera()).buffers,
        4,
        "one is usual"
    );
    assert_eq!(decision.video.info().width(), 362);
    decision.pool.set_active(true).expect("plenty");
    assert_eq!(outlet.stats().value(crate::stats::Counter::PoolSize), 7);
    decision.pool.set_active(false).expect("nobody holds any");
}

#[test]
fn a_device_lays_frames_out_as_it_likes_if_downstream_reads_the_meta() {
    let outlet = outlet();
    let wide = || {
        let needs = dmabuf_heap::Constraints::of("camera").stride_align(256);
        Users::of_device(Device::needing("camera", needs))
    };
    let free = dmabuf_heap::Constraints::of("camera").stride_align(2);
    let free = Users::of_device(Device::needing("camera", free));
    let stride = |reads_meta, users| {
        let decision = decide(&outlet, &answer(reads_meta, 0), users);
        let proposal = decision
            .pool
            .proposal_to(&decision.video, decision.reads_meta);
        let layout = proposal.expect("plenty").layout;
        (layout.planes()[0].stride, decision.reads_meta)
    };
    assert_eq!(stride(true, wide()), (512, true));
    assert_eq!(
        stride(true, free.clone()),
        (362, true),
        "no wider than that"
    );
    assert_eq!(
        stride(false, free),
        (364, false),
        "GStreamer rounds up to 4"
    );
    assert_eq!(stride(false, wide()), (512, false), "it has no other");
}

#[test]
fn importers_downstream_are_attached_and_may_be_left_to_copy() {
    let outlet = outlet();
    let mut query = answer(true, 0);
    let video: gst::Caps = CAPS.parse().expect("caps syntax");
    let video = crate::caps::VideoCaps::parse(&video).expect("video");
    query::add_importer(&mut query, video.picture(), Device::refusing("display", 9));
    let camera = || Users::of_device(Device::willing("camera"));
    let element = element();
    let decide = || {
        outlet
            .decide(&element, &query, camera(), 3)
            .expect("plenty")
    };
    let decision = decide();
    assert_eq!(decision.readers.len(), 1);
    decision.pool.set_active(true).expect("plenty");
    let reason = outlet.stats().to_structure("stats");
    let reason: String = reason.get("heap-reason").expect("a summary");
    assert!(reason.contains("without display"), "{reason}");
    decision.pool.set_active(false).expect("nobody holds any");

    assert!(outlet.set_property(
        "zero-copy",
        &crate::zero_copy::ZeroCopy::Required.to_value()
    ));
    assert!(decide().pool.set_active(true).is_err());
}

#[test]
fn without_a_heap_or_a_picture_there_is_no_pool() {
    let closed = Outlet::default();
    let decide = |outlet: &Outlet, query: &gst::query::Allocation| {
        let decision = outlet.decide(&element(), query, Users::default(), 1);
        decision.expect_err("no pool")
    };
    gst::init().expect("GStreamer");
    let error = decide(&closed, &answer(true, 0));
    assert!(matches!(error, DecisionError::NotOpen), "{error}");
    let nothing = gst::query::Allocation::new(None, true);
    let error = decide(&outlet(), &nothing);
    assert!(matches!(error, DecisionError::NoCaps), "{error}");
}
