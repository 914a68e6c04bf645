//! A camera that addresses 32 bits, and memory above them: the kernel would give it a copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dmabuf_heap::{
    Allocation, Allocator, Fourcc, Frame, FrameSpec, Importer, NegotiateError, Negotiation, Reach,
    Registry, Suspect, Verdict, Witness,
};
use dmaheap_tests::census::Census;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::v4l2_frame::{format, frame, importer};
use dmaheap_tests::v4l2_stream::{Side, stream};
use dmaheap_tests::{device, note};
use v4l2_import::Queue;

/// Addresses 32 bits.
const NARROW: u32 = 0;
/// Copies by CPU.
const WIDE: u32 = 1;
/// Small enough for one piece of the bounce buffer, 256 KiB.
const SMALL: (u32, u32) = (320, 240);
const LARGE: (u32, u32) = (1280, 720);

fn camera(instance: u32) -> PathBuf {
    device::video_node(&format!("vivid-{instance:03}-vid-cap"))
}

/// Contiguous memory, which lies above 4 GiB on this machine.
fn contiguous() -> Arc<dyn Allocator> {
    Registry::discover()
        .find("default_cma_region")
        .expect("the CMA heap")
}

fn probe(node: &Path, frame: &Frame) -> Verdict {
    importer(node, Queue::Capture)
        .may_set_format(true)
        .probe(frame)
}

fn content(frame: &Frame) -> Vec<u8> {
    let mapping = frame.map().expect("heap memory can be mapped");
    let access = mapping.read().expect("reading begins");
    let mut bytes = Vec::new();
    for (plane, place) in frame.layout().planes().iter().enumerate() {
        let mut part = vec![0; usize::try_from(place.len).expect("it is mapped")];
        access.read_plane(plane, &mut part).expect("the slice fits");
        bytes.append(&mut part);
    }
    bytes
}

fn fill(frame: &Frame) {
    let mut mapping = frame.map().expect("heap memory can be mapped");
    let mut access = mapping.write().expect("writing begins");
    for plane in 0..frame.layout().planes().len() {
        access.fill_plane(plane, 0x5a).expect("the plane exists");
    }
}

#[test]
fn a_camera_that_would_get_a_copy_refuses_and_says_so() {
    let census = Census::take();
    let node = camera(NARROW);
    let frame = frame(
        &*contiguous(),
        &format(&node, Queue::Capture, b"NV12", SMALL),
    );
    fill(&frame);
    let before = content(&frame);
    let Verdict::Refused(refusal) = probe(&node, &frame) else {
        panic!("the kernel accepts it, with a copy");
    };
    note(&refusal);
    assert_eq!(refusal.suspect, Some(Suspect::Unreachable));
    assert_eq!(refusal.errno, None, "the kernel refused nothing: {refusal}");
    let text = refusal.to_string();
    for part in [
        &node.display().to_string(),
        "swiotlb",
        "stale",
        "capture queue: buffer 0",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    assert!(
        content(&frame) == before,
        "the marks of the probe are in the picture"
    );
    drop(frame);
    census.expect_restored("a refused copy");
}

/// Why that refusal is right: what the camera writes is lost.
#[test]
fn what_the_kernel_copies_shows_old_pixels() {
    let node = camera(NARROW);
    let format = format(&node, Queue::Capture, b"NV12", SMALL);
    let heap = contiguous();
    let frames = [frame(&*heap, &format), frame(&*heap, &format)];
    frames.iter().for_each(fill);
    let before = content(&frames[0]);
    let side = Side {
        queue: Queue::Capture,
        format: &format,
        frames: &frames,
    };
    stream(&node, false, &[side]).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        content(&frames[0]) == before,
        "the camera reaches this memory after all"
    );
}

#[test]
fn a_frame_that_no_copy_can_be_made_of_is_refused_by_the_kernel() {
    let node = camera(NARROW);
    let frame = frame(
        &*contiguous(),
        &format(&node, Queue::Capture, b"NV12", LARGE),
    );
    let Verdict::Refused(refusal) = probe(&node, &frame) else {
        panic!("swiotlb has no room for it");
    };
    note(&refusal);
    assert_eq!(refusal.suspect, Some(Suspect::Unreachable), "{refusal}");
    assert!(refusal.errno.is_some(), "{refusal}");
}

fn negotiate(node: &Path) -> Result<Allocation, NegotiateError> {
    let registry = Arc::new(Registry::discover());
    let spec = FrameSpec::new(Fourcc::NV12, SMALL.0, SMALL.1);
    let camera = importer(node, Queue::Capture).may_set_format(true);
    assert_eq!(camera.reach(), Reach::Unknown);
    let mut negotiation = Negotiation::new(&registry, spec);
    negotiation.attach(Arc::new(camera));
    negotiation.allocate()
}

#[test]
fn a_camera_that_reaches_no_heap_is_told_so_whatever_pages_it_was_shown() {
    let error = match negotiate(&camera(NARROW)) {
        Ok(allocation) => panic!("{}", allocation.explain()),
        Err(error) => error,
    };
    note(&error);
    let text = error.to_string();
    for heap in ["system", "udmabuf", "default_cma_region"] {
        let part = format!("{heap}: refused");
        assert!(text.contains(&part), "{part} is missing in: {text}");
    }
}

/// udmabuf maps without copying in either direction, so that no mark shows a copy. vivid does not either: it writes by CPU,
/// past the copy that a real device would write to.
#[test]
fn memory_that_hides_copies_is_refused_where_nobody_knows_the_reach() {
    let udmabuf = Registry::discover().find("udmabuf").expect("udmabuf");
    for instance in [NARROW, WIDE] {
        let node = camera(instance);
        let format = format(&node, Queue::Capture, b"NV12", SMALL);
        assert!(!Witness::is_blind_to(&frame(&*contiguous(), &format)));
        let frame = frame(&*udmabuf, &format);
        assert!(Witness::is_blind_to(&frame));
        let Verdict::Refused(refusal) = probe(&node, &frame) else {
            panic!("nobody can know");
        };
        note(&refusal);
        let in_pieces = refusal.suspect == Some(Suspect::Scattered);
        assert!(
            in_pieces || refusal.to_string().contains("udmabuf hides copies"),
            "{refusal}"
        );
    }
}

/// Nobody can tell that it reaches all memory, so each frame is tried; it takes them all.
#[test]
fn every_frame_for_a_camera_of_unknown_reach_is_tried() {
    let census = Census::take();
    let node = camera(WIDE);
    let allocation = negotiate(&node).expect("it copies by CPU");
    assert!(!allocation.is_certain());
    let recorder = Recorder::start();
    let frames: Result<Vec<_>, _> = (0..5).map(|_| allocation.frame()).collect();
    let frames = frames.unwrap_or_else(|error| panic!("{error}"));
    let trace = recorder.finish().of_process(std::process::id());
    assert_eq!(
        trace.count("VIDIOC_PREPARE_BUF"),
        3,
        "two were tried already"
    );
    let format = format(&node, Queue::Capture, b"NV12", SMALL);
    let side = Side {
        queue: Queue::Capture,
        format: &format,
        frames: &frames,
    };
    stream(&node, false, &[side]).unwrap_or_else(|error| panic!("{error}"));
    drop((frames, allocation));
    census.expect_restored("frames that were tried");
}

#[test]
fn a_camera_that_reaches_everything_accepts_the_same_memory_and_leaves_it_alone() {
    let node = camera(WIDE);
    for size in [SMALL, LARGE] {
        let frame = frame(
            &*contiguous(),
            &format(&node, Queue::Capture, b"NV12", size),
        );
        fill(&frame);
        let before = content(&frame);
        assert_eq!(probe(&node, &frame), Verdict::Accepted);
        assert!(
            content(&frame) == before,
            "the marks of the probe are in the picture"
        );
    }
}
