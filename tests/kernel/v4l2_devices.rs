//! `v4l2-import` says of real drivers what they are.

use std::path::Path;

use dmaheap_tests::cameras::{
    CONTIGUOUS, CONTIGUOUS_MULTI, SCATTERED, SCATTERED_MULTI, SIZE, camera, open, vim2m,
};
use dmaheap_tests::census::Census;
use dmaheap_tests::device;
use dmaheap_tests::v4l2_frame::format;
use v4l2_import::{Choices, DeviceKind, Queue, Size, V4l2Fourcc, enumerate};

#[test]
fn a_camera_is_described() {
    let node = camera(SCATTERED);
    let camera = open(&node);
    let info = camera.info();
    assert_eq!(
        (info.driver.as_str(), info.card.as_str()),
        ("vivid", "vivid")
    );
    assert_eq!(info.kind, DeviceKind::Capture);
    assert_eq!(info.queues(), [Queue::Capture]);
    assert!(info.is_streaming && !info.is_multiplanar);
    assert_eq!(
        info.to_string(),
        format!("camera vivid ({})", node.display())
    );

    let formats = camera.formats(Queue::Capture).expect("it has formats");
    let nv12 = V4l2Fourcc::from_bytes(b"NV12");
    assert!(
        formats.iter().any(|format| format.code == nv12),
        "{formats:?}"
    );
    assert!(
        formats
            .iter()
            .all(|format| format.code.buffers() != Some(2))
    );

    let size = Size {
        width: SIZE.0,
        height: SIZE.1,
    };
    let Choices::Discrete(sizes) = camera.sizes(nv12).expect("a webcam has sizes") else {
        panic!("a webcam has single sizes");
    };
    assert!(sizes.contains(&size), "{sizes:?}");
    let Choices::Discrete(intervals) = camera.intervals(nv12, size).expect("and intervals") else {
        panic!("a webcam has single intervals");
    };
    assert!(!intervals.is_empty());

    let format = format(&node, Queue::Capture, b"YU12", SIZE);
    let layout = format.layout().expect("V4L2's rules");
    let planes: Vec<_> = layout
        .planes()
        .iter()
        .map(|p| (p.offset, p.stride))
        .collect();
    assert_eq!(
        planes,
        [(0, 640), (640 * 360, 320), (640 * 360 * 5 / 4, 320)]
    );
    assert_eq!(format.buffers[0].size_image, 640 * 360 * 3 / 2);
    assert_ne!(format.colorimetry.colorspace, 0);
}

#[test]
fn a_multi_planar_camera_spreads_planes_over_buffers() {
    let node = camera(SCATTERED_MULTI);
    let camera = open(&node);
    assert_eq!(camera.info().kind, DeviceKind::Capture);
    assert!(camera.info().is_multiplanar);
    let buffers = |code| format(&node, Queue::Capture, code, SIZE).buffers.len();
    assert_eq!(
        [b"NV12", b"YU12", b"NM12", b"YM12"].map(buffers),
        [1, 1, 2, 3]
    );
    let split = format(&node, Queue::Capture, b"YM12", SIZE);
    let layout = split.layout().expect("V4L2's rules");
    let planes: Vec<_> = layout
        .planes()
        .iter()
        .map(|p| (p.offset, p.stride))
        .collect();
    assert_eq!(planes, [(0, 640), (0, 320), (0, 320)]);
}

#[test]
fn a_mem2mem_device_has_two_queues() {
    let vim2m = open(&vim2m());
    assert_eq!(vim2m.info().kind, DeviceKind::Mem2Mem);
    for queue in [Queue::Capture, Queue::Output] {
        let formats = vim2m.formats(queue).expect("both queues have formats");
        let rgb = V4l2Fourcc::from_bytes(b"RGBP");
        assert!(formats.iter().any(|format| format.code == rgb), "{queue}");
        vim2m.format(queue).expect("and a current one");
    }
    assert!(matches!(
        vim2m.sizes(V4l2Fourcc::from_bytes(b"RGBP")),
        Ok(Choices::Range { .. })
    ));
}

#[test]
fn every_node_is_enumerated_with_its_kind() {
    let census = Census::take();
    let found = enumerate();
    let kind = |node: &Path| {
        let found = found.iter().find(|found| found.path == node);
        let device = found.map(|found| found.device.as_ref());
        device.map(|device| device.expect("root may open it").kind)
    };
    for instance in [SCATTERED, CONTIGUOUS, SCATTERED_MULTI, CONTIGUOUS_MULTI] {
        assert_eq!(kind(&camera(instance)), Some(DeviceKind::Capture));
    }
    assert_eq!(kind(&vim2m()), Some(DeviceKind::Mem2Mem));
    let output = device::video_node("vivid-000-vid-out");
    assert_eq!(kind(&output), Some(DeviceKind::Output));
    census.expect_restored("an enumeration");
}
