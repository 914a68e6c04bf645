//! Memory that a camera takes because its pages happen to lie side by side: real drivers tell it from memory that they
//! take however it lies.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{
    AllocateError, Allocation, Allocator, Capabilities, Contiguity, Fourcc, Frame, FrameSpec,
    Importer, LayoutRequest, NegotiateError, Negotiation, Reach, Registry, Suspect, Verdict,
};
use dmaheap_tests::cameras::{
    self, CONTIGUOUS, CONTIGUOUS_MULTI, SCATTERED, SCATTERED_MULTI, SIZE,
};
use dmaheap_tests::census::Census;
use dmaheap_tests::command::Run;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::v4l2_frame::importer;
use dmaheap_tests::{note, wait};
use v4l2_import::Queue;

const PATIENCE: Duration = Duration::from_secs(20);

fn camera(instance: u32) -> Arc<dyn Importer> {
    Arc::new(importer(&cameras::camera(instance), Queue::Capture).may_set_format(true))
}

/// Frames of the contiguous heap, of which nobody is told how they lie. To a camera that wants them contiguous they are
/// scattered frames with luck, every time.
#[derive(Debug)]
struct Lucky {
    contiguity: Contiguity,
    heap: Arc<dyn Allocator>,
}

impl Allocator for Lucky {
    fn name(&self) -> &'static str {
        "lucky"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            contiguity: self.contiguity,
            ..self.heap.capabilities()
        }
    }

    fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        self.heap.allocate(request)
    }
}

/// Nothing but lucky memory; udmabuf is there and not asked for frames.
fn negotiate(
    contiguity: Contiguity,
    camera: Arc<dyn Importer>,
) -> Result<Allocation, NegotiateError> {
    let registry = Arc::new(Registry::discover());
    let heap = registry.find("default_cma_region").expect("the CMA heap");
    let lucky = Lucky { contiguity, heap };
    let spec = FrameSpec::new(Fourcc::NV12, SIZE.0, SIZE.1);
    let mut negotiation = Negotiation::new(&registry, spec).allocator(Arc::new(lucky));
    negotiation.attach(camera);
    negotiation.allocate()
}

/// Streams from a camera until dropped.
#[track_caller]
fn occupy(node: &Path) -> dmaheap_tests::command::Running {
    let path = node.display().to_string();
    let program = Run::new("v4l2-ctl")
        .args(["-d", &path, "--stream-mmap"])
        .start();
    let streams = wait::until(PATIENCE, || program.output().contains('<').then_some(()));
    assert!(streams.is_some(), "{}", program.output());
    program
}

/// Its pages cannot lie side by side, because half of them are the other half.
#[test]
fn the_second_half_of_a_frame_in_pieces_is_the_first() {
    let udmabuf = Registry::discover().find("udmabuf").expect("udmabuf");
    let bytes = udmabuf.as_bytes().expect("it makes plain bytes");
    assert!(
        bytes.allocate_torn_bytes(4096).is_none(),
        "a page is in one piece"
    );
    let request = LayoutRequest::new(Fourcc::R8, 4096, 5);
    let torn = udmabuf.allocate_torn(&request).expect("five pages");
    assert_eq!(torn.dmabuf(0).len(), 5 * 4096);
    let mut mapping = torn.map().expect("it can be mapped");
    let line = |number: u8| vec![number; 4096];
    let mut access = mapping.write().expect("writing begins");
    for row in 0..3 {
        access
            .write_row(0, row, &line(u8::try_from(row).expect("small") + 1))
            .expect("a row");
    }
    drop(access);
    let access = mapping.read().expect("reading begins");
    let mut seen = vec![0; 5 * 4096];
    access.read_plane(0, &mut seen).expect("the plane fits");
    let rows: Vec<u8> = seen.chunks(4096).map(|row| row[0]).collect();
    assert_eq!(rows, [1, 2, 3, 1, 2]);
}

#[test]
fn a_frame_in_pieces_is_taken_by_those_who_take_scattered_memory_and_by_no_other() {
    let census = Census::take();
    let registry = Registry::discover();
    let udmabuf = registry.find("udmabuf").expect("udmabuf");
    let request = LayoutRequest::new(Fourcc::NV12, SIZE.0, SIZE.1);
    let torn = udmabuf.allocate_torn(&request).expect("more than a page");
    for (instance, is_taken) in [
        (SCATTERED, true),
        (CONTIGUOUS, false),
        (SCATTERED_MULTI, true),
        (CONTIGUOUS_MULTI, false),
    ] {
        match camera(instance).probe(&torn) {
            Verdict::Accepted => assert!(is_taken, "{instance}"),
            Verdict::Refused(refusal) => {
                assert!(!is_taken, "{refusal}");
                assert_eq!(refusal.suspect, Some(Suspect::Scattered), "{refusal}");
            }
            Verdict::Unknown(why) => panic!("{why}"),
        }
    }
    drop((torn, udmabuf, registry));
    census.expect_restored("frames in pieces");
}

#[test]
fn luck_with_scattered_memory_is_found_out_before_the_first_frame() {
    let census = Census::take();
    let error = negotiate(Contiguity::Scattered, camera(CONTIGUOUS)).expect_err("it was luck");
    let text = error.to_string();
    note(&text);
    for part in [
        "lucky: refused",
        "pages cannot lie side by side",
        "contiguous memory",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    let allocation = negotiate(Contiguity::Scattered, camera(SCATTERED)).expect("it takes all");
    assert!(allocation.is_certain());
    drop(allocation);
    census.expect_restored("lucky memory");
}

#[test]
fn a_frame_that_is_perhaps_luck_is_not_given_to_a_camera_that_cannot_try_it() {
    let census = Census::take();
    let allocation = negotiate(Contiguity::Unknown, camera(CONTIGUOUS)).expect("it may be right");
    assert!(!allocation.is_certain());
    for _ in 0..4 {
        allocation.frame().expect("it is tried");
    }
    let streaming = occupy(&cameras::camera(CONTIGUOUS));
    let error = allocation.frame().expect_err("nobody can try it");
    assert!(matches!(error, AllocateError::Doubtful { .. }), "{error}");
    note(&error);
    for part in [
        "lucky: not accepted by all",
        "in use",
        "make all frames before",
    ] {
        let text = error.to_string();
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    drop(streaming);
    allocation.frame().expect("it can be tried again");
    drop(allocation);
    census.expect_restored("a busy camera");
}

/// What certainty costs a camera that takes anything: as many imports as two trials did, once per process.
#[test]
fn certainty_is_two_imports_and_then_none() {
    assert_eq!(camera(SCATTERED).reach(), Reach::Everything);
    let registry = Arc::new(Registry::discover());
    let imports = |size: (u32, u32)| {
        let recorder = Recorder::start();
        let mut negotiation =
            Negotiation::new(&registry, FrameSpec::new(Fourcc::NV12, size.0, size.1));
        negotiation.attach(camera(SCATTERED));
        let allocation = negotiation.allocate().expect("it takes all");
        let frames: Result<Vec<_>, _> = (0..6).map(|_| allocation.frame()).collect();
        assert_eq!(frames.expect("there is memory").len(), 6);
        let trace = recorder.finish().of_process(std::process::id());
        trace.count("VIDIOC_PREPARE_BUF")
    };
    assert_eq!(imports(SIZE), 2, "a frame, and one in pieces");
    assert_eq!(imports(SIZE), 0, "it is remembered");
    assert_eq!(
        imports((320, 180)),
        1,
        "in pieces it takes frames of any size"
    );
}
