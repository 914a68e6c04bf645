//! The shadow heap shows what it is there to show: see `tests/kernel-modules/shadow-heap`.
//!
//! vim2m is the device on both sides, and the display is another one; both map what they import into the kernel.

use std::sync::Arc;

use dmabuf_heap::{Contiguity, CpuUse, Fourcc, Frame, Importer, LayoutRequest, Registry, Verdict};
use dmaheap_tests::census::Census;
use dmaheap_tests::content::{content, fill};
use dmaheap_tests::pattern::quadrants;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::scanout::{SIZE, frame, output, screen, show, system};
use dmaheap_tests::shadow::{BareMapping, Half, Skip, Sync, heap, set_skip, skip};
use dmaheap_tests::v4l2_m2m::{Pair, moment, open_pair};
use dmaheap_tests::v4l2_queue::{frames, set_format};
use dmaheap_tests::{device, v4l2_frame, v4l2_queue, vkms};
use v4l2_import::{Payload, Queue};

/// vim2m copies RGB24 as it is.
const FORMAT: &[u8; 4] = b"RGB3";
/// Bytes of a picture.
const LEN: usize = SIZE.0 as usize * SIZE.1 as usize * 3;

/// What vim2m reads, and what it writes.
#[derive(Debug, Clone, Copy)]
enum Shadowed {
    Source,
    Result,
}

/// A device that copies one frame to another one, with one of the two in the shadow heap.
struct Copier {
    pair: Pair,
    source: Frame,
    result: Frame,
}

impl Copier {
    #[track_caller]
    fn new(shadowed: Shadowed) -> Copier {
        let (mut output, mut capture) = open_pair(&device::video_node("vim2m"));
        let read = set_format(&mut output, FORMAT, SIZE);
        let written = set_format(&mut capture, FORMAT, SIZE);
        let (from, to) = match shadowed {
            Shadowed::Source => (heap(), system()),
            Shadowed::Result => (system(), heap()),
        };
        let sources = frames(&*from, &read, 1);
        let results = frames(&*to, &written, 1);
        let (source, result) = (sources[0].clone(), results[0].clone());
        let output = output
            .import(sources)
            .unwrap_or_else(|error| panic!("{error}"));
        let capture = capture
            .import(results)
            .unwrap_or_else(|error| panic!("{error}"));
        Copier {
            pair: Pair::start(output, capture),
            source,
            result,
        }
    }

    /// Lets the device copy once.
    #[track_caller]
    fn run(&mut self) {
        let payload = Payload::new(moment(1));
        self.pair
            .convert(&payload, |done| assert!(!done.flags.has_error()));
    }

    /// Lets the device copy, and says what it has seen.
    #[track_caller]
    fn seen_by_device(&mut self) -> Vec<u8> {
        self.run();
        content(&self.result, 0)
    }
}

fn bytes(seed: u8) -> Vec<u8> {
    (0..=250)
        .cycle()
        .take(LEN)
        .map(|at: u8| at ^ seed)
        .collect()
}

#[track_caller]
fn expect_zeros(bytes: &[u8], why: &str) {
    let others = bytes.iter().filter(|&&byte| byte != 0).count();
    assert_eq!(others, 0, "{why}: bytes that are not zero");
}

#[test]
fn a_heap_that_the_crate_has_never_heard_of_is_found_and_nothing_is_assumed_of_it() {
    let registry = Registry::discover();
    let heap = registry.find("shadow").expect("the module is loaded");
    assert_eq!(heap.capabilities().contiguity, Contiguity::Unknown);
    assert!(registry.aliases("shadow").is_empty());
}

#[test]
fn a_device_sees_what_the_cpu_wrote_when_the_write_has_ended() {
    let mut copier = Copier::new(Shadowed::Source);
    let mapping = BareMapping::of(copier.source.dmabuf(0));
    mapping.sync(Sync::StartWrite);
    mapping.write(&bytes(1));
    expect_zeros(&copier.seen_by_device(), "before the end");
    mapping.sync(Sync::EndRead);
    expect_zeros(&copier.seen_by_device(), "after the end of another access");
    mapping.sync(Sync::EndWrite);
    assert!(copier.seen_by_device() == bytes(1), "after the end");

    mapping.write(&bytes(2));
    assert!(copier.seen_by_device() == bytes(1), "outside of an access");
    mapping.sync(Sync::EndBoth);
    assert!(copier.seen_by_device() == bytes(2), "after the end of both");
}

#[test]
fn the_cpu_sees_what_a_device_wrote_when_a_read_begins() {
    let mut copier = Copier::new(Shadowed::Result);
    let mapping = BareMapping::of(copier.result.dmabuf(0));
    BareMapping::of(copier.source.dmabuf(0)).write(&bytes(3));
    copier.run();
    expect_zeros(&mapping.read(LEN), "before the start");
    mapping.sync(Sync::StartWrite);
    expect_zeros(&mapping.read(LEN), "after the start of another access");
    mapping.sync(Sync::StartRead);
    assert!(mapping.read(LEN) == bytes(3), "after the start");

    BareMapping::of(copier.source.dmabuf(0)).write(&bytes(4));
    copier.run();
    assert!(mapping.read(LEN) == bytes(3), "within the access");
    mapping.sync(Sync::EndRead);
    assert!(mapping.read(LEN) == bytes(3), "its end brings nothing");
    mapping.sync(Sync::StartBoth);
    assert!(mapping.read(LEN) == bytes(4), "after the start of both");
}

#[test]
fn what_was_written_without_an_end_is_lost_when_a_read_begins() {
    let frame = frames_of_bytes();
    let mapping = BareMapping::of(frame.dmabuf(0));
    mapping.write(&[7; 4096]);
    mapping.sync(Sync::EndWrite);
    mapping.write(&[8; 4096]);
    mapping.sync(Sync::StartRead);
    assert_eq!(mapping.read(4096), [7; 4096]);
}

/// 4096 bytes of the heap.
fn frames_of_bytes() -> Frame {
    let request = LayoutRequest::new(Fourcc::R8, 4096, 1).cpu(CpuUse::ReadWrite);
    heap()
        .allocate(&request)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn two_mappings_are_one_copy_and_every_page_of_it_moves() {
    let request = LayoutRequest::new(Fourcc::R8, 4096, 300).cpu(CpuUse::ReadWrite);
    let frame = heap().allocate(&request).expect("300 pages");
    let [one, other] = [0, 1].map(|_| BareMapping::of(frame.dmabuf(0)));
    let len = 300 * 4096;
    let pattern: Vec<u8> = (1..=255)
        .cycle()
        .flat_map(|page: u8| [page; 4096])
        .take(len)
        .collect();
    one.write(&pattern);
    assert!(other.read(len) == pattern);
    one.sync(Sync::EndWrite);
    one.write(&vec![0; len]);
    other.sync(Sync::StartRead);
    assert!(one.read(len) == pattern);
}

#[test]
fn the_crate_s_own_accesses_state_the_right_directions() {
    let mut copier = Copier::new(Shadowed::Source);
    fill(&copier.source, 0x51);
    assert!(copier.seen_by_device().iter().all(|&byte| byte == 0x51));
    let mut copier = Copier::new(Shadowed::Result);
    fill(&copier.source, 0x52);
    assert!(copier.seen_by_device().iter().all(|&byte| byte == 0x52));
}

/// The copy is the exporter's and not a bounce buffer of the device's, which would be a reason to refuse.
#[test]
fn devices_take_the_memory_and_are_not_suspected_of_a_copy() {
    let node = v4l2_queue::vivid(0);
    let (camera, format) = v4l2_queue::camera(&node, b"NV12", (640, 360));
    drop(camera);
    let frame = v4l2_frame::frame(&*heap(), &format);
    fill(&frame, 0x56);
    let verdict = v4l2_frame::importer(&node, Queue::Capture).probe(&frame);
    assert_eq!(verdict, Verdict::Accepted);
    let rest = content(&frame, 0);
    assert!(rest.iter().all(|&byte| byte == 0x56), "marks were left");
}

#[test]
fn a_half_that_is_skipped_moves_nothing() {
    let mut copier = Copier::new(Shadowed::Source);
    let skipped = Skip::half(Half::End);
    assert_eq!(skip(), "end");
    fill(&copier.source, 0x53);
    expect_zeros(&copier.seen_by_device(), "no end moves");
    drop(skipped);
    fill(&copier.source, 0x54);
    assert_eq!(copier.seen_by_device()[LEN / 2], 0x54);

    let mut copier = Copier::new(Shadowed::Result);
    fill(&copier.source, 0x55);
    let skipped = Skip::half(Half::Begin);
    assert_eq!(skip(), "begin");
    expect_zeros(&copier.seen_by_device(), "no start moves");
    drop(skipped);
    assert_eq!(copier.seen_by_device()[LEN / 2], 0x55);

    assert!(set_skip("everything").is_err());
    assert_eq!(skip(), "none");
}

#[test]
fn a_display_reads_what_devices_see() {
    let output = output();
    let shadow = heap();
    let place = vkms::centred(SIZE.0, SIZE.1);
    let shown = |frame: &Frame| -> Picture {
        show(&output, frame);
        screen(&output, &*system()).crop(place)
    };
    let skipped = Skip::half(Half::End);
    let unended = frame(&*shadow, Fourcc::XRGB8888);
    drop(skipped);
    assert_eq!(
        shown(&unended),
        Picture::filled(SIZE.0, SIZE.1, [0; 3]),
        "drawn without an end"
    );
    let ended = frame(&*shadow, Fourcc::XRGB8888);
    assert_eq!(shown(&ended), quadrants(SIZE.0, SIZE.1));
}

#[test]
fn a_display_writes_what_devices_see() {
    let output = output();
    let shadow = heap();
    show(&output, &frame(&*system(), Fourcc::XRGB8888));
    let place = vkms::centred(SIZE.0, SIZE.1);
    let read_back = || screen(&output, &*shadow).crop(place);
    let skipped = Skip::half(Half::Begin);
    assert_eq!(
        read_back(),
        Picture::filled(SIZE.0, SIZE.1, [0; 3]),
        "read without a start"
    );
    drop(skipped);
    assert_eq!(read_back(), quadrants(SIZE.0, SIZE.1));
}

#[test]
fn both_copies_are_freed_and_mappings_keep_them() {
    let shadow = heap();
    let census = Census::take();
    for _ in 0..100 {
        fill(&frames_of_bytes(), 1);
    }
    drop(Copier::new(Shadowed::Source));
    let frame = frames_of_bytes();
    let mapping = BareMapping::of(frame.dmabuf(0));
    mapping.write(&[9; 4096]);
    drop(frame);
    assert_eq!(mapping.read(4096), [9; 4096]);
    drop(mapping);
    census.expect_restored("a hundred buffers");
    drop(shadow);
}

#[test]
fn more_than_the_machine_has_is_refused_and_given_back() {
    let shadow: Arc<_> = heap();
    let census = Census::take();
    let before = free_kib();
    let request = LayoutRequest::new(Fourcc::R8, 1 << 20, 4096);
    assert!(shadow.allocate(&request).is_err(), "4 GiB, twice");
    census.expect_restored("an allocation that fails");
    let lost = before.saturating_sub(free_kib());
    assert!(lost < 64 << 10, "{lost} KiB are gone");
}

/// Memory that the kernel can give out.
fn free_kib() -> u64 {
    let meminfo = std::fs::read_to_string("/proc/meminfo").expect("procfs");
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("the kernel says so")
}
