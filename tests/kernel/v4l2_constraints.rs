//! What queues need of frames, said beforehand, is what their drivers then take.

use std::path::{Path, PathBuf};

use dmabuf_heap::{Fourcc, FrameSpec, Importer, Topology, Verdict};
use dmaheap_tests::cameras::{SCATTERED, SCATTERED_MULTI, SIZE, camera, expect_parts, system};
use dmaheap_tests::v4l2_frame::importer;
use dmaheap_tests::vivid::Vivid;
use v4l2_import::Queue;

#[test]
fn constraints_are_the_drivers_layout() {
    let node = camera(SCATTERED);
    let spec = FrameSpec::new(Fourcc::YUV420, SIZE.0, SIZE.1);
    let driver = importer(&node, Queue::Capture);
    let exact = driver.constraints(&spec).expect("it has the format");
    let needs = exact.needs();
    assert_eq!(needs.topology, Topology::ONE);
    assert!(needs.packed_planes && needs.derived_strides);
    assert_eq!(needs.strides[0], Some(640));
    assert_eq!(needs.min_lens[0], 640 * 360 * 3 / 2);

    // vivid takes any stride that holds a row; who may set formats may choose.
    let free = importer(&node, Queue::Capture).may_set_format(true);
    let free = free.constraints(&spec).expect("it has the format");
    assert_eq!(
        (free.needs().strides[0], free.needs().stride_min[0]),
        (None, 640)
    );

    let refusal = driver
        .constraints(&FrameSpec::new(Fourcc::NV12, 650, 360))
        .expect_err("a webcam has single sizes");
    expect_parts(
        &refusal.to_string(),
        &["NV12 650x360", "the nearest it has is NV12 "],
    );
    let refusal = driver
        .constraints(&FrameSpec::new(Fourcc::P010, SIZE.0, SIZE.1))
        .expect_err("vivid has no P010");
    expect_parts(&refusal.to_string(), &["P010 640x360", "no such format"]);
}

#[test]
fn constraints_follow_the_current_format_from_buffer_to_buffer() {
    let camera = Vivid::find_instance(SCATTERED_MULTI);
    let node = PathBuf::from(camera.node());
    let importer = importer(&node, Queue::Capture);
    let spec = FrameSpec::new(Fourcc::NV12, SIZE.0, SIZE.1);
    let topology = |code: &str| {
        let wanted = format!("width=640,height=360,pixelformat={code}");
        camera.v4l2_ctl(&["--set-fmt-video", &wanted]);
        importer
            .constraints(&spec)
            .expect("it has the format")
            .needs()
            .topology
    };
    assert_eq!(topology("NM12"), Topology::PER_PLANE);
    assert_eq!(topology("NV12"), Topology::ONE);
    assert_eq!(
        topology("YM12"),
        Topology::ONE,
        "in one buffer where there is a choice"
    );
}

#[test]
fn frames_made_by_the_constraints_are_accepted() {
    let heap = system();
    for (instance, code, dmabufs) in [
        (SCATTERED, "NV12", 1),
        (SCATTERED_MULTI, "NV12", 1),
        (SCATTERED_MULTI, "NM12", 2),
    ] {
        let camera = Vivid::find_instance(instance);
        let wanted = format!("width=640,height=360,pixelformat={code}");
        camera.v4l2_ctl(&["--set-fmt-video", &wanted]);
        let importer = importer(Path::new(&camera.node()), Queue::Capture);
        let spec = FrameSpec::new(Fourcc::NV12, SIZE.0, SIZE.1);
        let constraints = importer.constraints(&spec).expect("it has the format");
        let request = constraints
            .request(spec)
            .unwrap_or_else(|error| panic!("{error}"));
        let frame = heap
            .allocate(&request)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(frame.dmabufs().count(), dmabufs, "{code}");
        assert_eq!(importer.probe(&frame), Verdict::Accepted, "{code}");
    }
}
