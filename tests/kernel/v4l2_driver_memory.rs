//! Memory that camera drivers make: exported, mapped, and as an allocator of a negotiation.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dmabuf_heap::{Allocator, Frame, FrameSpec, LayoutRequest, Linear, Negotiation, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::v4l2_frame::importer;
use dmaheap_tests::v4l2_queue::{by_peer, camera, expect_equal, next, pixels, start, still, vivid};
use v4l2_import::{ExportAllocator, Queue};

const SIZE: (u32, u32) = (640, 360);

/// The cameras of this machine, by what they want.
const SCATTERED: u32 = 0;
const CONTIGUOUS: u32 = 1;
const SCATTERED_MULTI: u32 = 2;
const CONTIGUOUS_MULTI: u32 = 3;

#[track_caller]
fn expect_parts(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn exported_buffers_are_frames_that_outlive_the_queue() {
    for (instance, code) in [
        (SCATTERED, b"NV12"),
        (CONTIGUOUS, b"NV12"),
        (SCATTERED_MULTI, b"YM12"),
        (CONTIGUOUS_MULTI, b"NM12"),
    ] {
        let _camera = still(instance);
        let node = vivid(instance);
        let census = Census::take();
        let (camera, format) = camera(&node, code, SIZE);
        let peers = by_peer(&node);
        let (camera, buffers) = camera.export(4).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(camera.frames().count(), buffers.len());
        for buffer in buffers {
            assert_eq!(buffer.dmabufs().count(), format.buffers.len());
            camera.enqueue(buffer).expect("its own memory");
        }
        let camera = camera.start().unwrap_or_else(|error| panic!("{error}"));
        let done = next(&camera);
        let frame = done.buffer.frame().expect("a picture").clone();
        let (camera, buffers) = camera.stop().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            buffers.len() + 1,
            camera.len(),
            "the rest was in the device"
        );
        let camera = camera.release().unwrap_or_else(|error| panic!("{error}"));
        expect_equal(&pixels(&frame), &peers, &node.display().to_string());
        drop((camera, buffers, done, frame));
        census.expect_restored("an export");
    }
}

#[test]
fn mapped_buffers_are_read_by_copies() {
    for (instance, code) in [(SCATTERED, b"YUYV"), (CONTIGUOUS_MULTI, b"YM12")] {
        let _camera = still(instance);
        let node = vivid(instance);
        let census = Census::take();
        let (camera, format) = camera(&node, code, SIZE);
        let peers = by_peer(&node);
        let (camera, buffers) = camera.map(3).unwrap_or_else(|error| panic!("{error}"));
        for buffer in buffers {
            assert_eq!(buffer.frame(), None);
            camera.enqueue(buffer).expect("the driver's own memory");
        }
        let camera = camera.start().unwrap_or_else(|error| panic!("{error}"));
        let done = next(&camera);
        let mut ours = Vec::new();
        for (plane, payload) in done.planes().iter().enumerate() {
            let mut bytes = vec![0; payload.bytes_used as usize];
            done.buffer.read(plane, 0, &mut bytes).expect("mapped");
            ours.extend(bytes);
        }
        expect_equal(&ours, &peers, &node.display().to_string());
        let beyond = done.buffer.read(format.buffers.len(), 0, &mut [0]);
        assert!(beyond.is_err());
        drop((done, camera));
        census.expect_restored("mapped buffers");
    }
}

/// What the device exports it also takes, whatever it wants.
#[test]
fn exports_are_an_allocator_while_the_camera_is_free() {
    for instance in [SCATTERED, CONTIGUOUS, CONTIGUOUS_MULTI] {
        let node = vivid(instance);
        let census = Census::take();
        let code = b"NV12";
        let (camera, format) = camera(&node, code, SIZE);
        let exports = Linear(exports(&node));
        let name = node.file_name().expect("a node").display().to_string();
        assert_eq!(exports.name(), format!("v4l2-{name}"));
        let request =
            |size: (u32, u32)| LayoutRequest::new(format.code.drm().expect("NV12"), size.0, size.1);
        let given: Vec<Frame> = (0..3)
            .map(|_index| exports.allocate(&request(SIZE)).expect("its memory"))
            .collect();
        let larger = exports
            .allocate(&request((1920, 1080)))
            .expect("more than the format wants");
        assert!(larger.dmabuf(0).len() >= 1920 * 1080 * 3 / 2);
        assert_eq!(
            camera.format().expect("a format"),
            format,
            "the format of the camera is untouched"
        );
        let camera = start(camera, given.clone());
        camera
            .enqueue(next(&camera).buffer)
            .expect("memory of the device");
        let error = exports.allocate(&request(SIZE)).expect_err("it streams");
        expect_parts(&error.to_string(), &["VIDIOC_CREATE_BUFS", "busy"]);
        drop((camera, given, larger));
        census.expect_restored("exports");
    }
}

fn exports(node: &Path) -> ExportAllocator {
    let path = PathBuf::from(node);
    let open = move || -> std::io::Result<OwnedFd> {
        let file = std::fs::File::options()
            .read(true)
            .write(true)
            .open(&path)?;
        Ok(file.into())
    };
    ExportAllocator::new(open, Queue::Capture).unwrap_or_else(|error| panic!("{error}"))
}

/// A machine without a heap for contiguous memory, and a camera that wants it.
#[test]
fn a_negotiation_falls_back_to_what_the_camera_exports() {
    let node = vivid(CONTIGUOUS);
    let census = Census::take();
    let (camera, format) = camera(&node, b"NV12", SIZE);
    let registry = Registry::empty();
    let scattered = Registry::discover().find("system").expect("a heap");
    registry.register(scattered).expect("a free name");
    let registry = Arc::new(registry);
    let fourcc = format.code.drm().expect("NV12");
    let negotiate = |offers: bool| {
        let importer = importer(&node, Queue::Capture);
        let importer = if offers {
            importer.offer_exports().expect("the camera is there")
        } else {
            importer
        };
        let mut negotiation = Negotiation::new(&registry, FrameSpec::new(fourcc, SIZE.0, SIZE.1));
        negotiation.attach(Arc::new(importer));
        negotiation.allocate()
    };
    let error = negotiate(false).expect_err("scattered memory is all there is");
    expect_parts(&error.to_string(), &["contiguous"]);
    let allocation = negotiate(true).unwrap_or_else(|error| panic!("{error}"));
    let name = node.file_name().expect("a node").display().to_string();
    let explanation = allocation.explain();
    assert_eq!(explanation.chosen(), Some(format!("v4l2-{name}").as_str()));
    let given: Vec<Frame> = (0..3)
        .map(|_index| allocation.frame().expect("the camera is free"))
        .collect();
    let camera = start(camera, given.clone());
    camera
        .enqueue(next(&camera).buffer)
        .expect("its own memory");
    drop((camera, given, allocation, error, registry));
    census.expect_restored("a negotiation");
}
