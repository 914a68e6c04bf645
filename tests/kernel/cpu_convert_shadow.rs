//! The CPU converter on memory of a machine without coherent caches: taking one of its SYNC calls out changes the picture.

use std::sync::Arc;

use cpu_convert::{Conversion, Filter, Orientation, Picture};
use dmabuf_heap::{CpuUse, DmaBuf, Fourcc, Frame, LayoutRequest, YuvColor, YuvEncoding, YuvRange};
use dmaheap_tests::shadow::{BareMapping, Half, Skip, Sync, heap};

const WIDTH: u32 = 64;
const HEIGHT: u32 = 48;
const LEN: usize = (WIDTH * HEIGHT) as usize;

fn picture() -> Picture {
    Picture {
        fourcc: Fourcc::Y8,
        width: WIDTH,
        height: HEIGHT,
        color: YuvColor::new(YuvEncoding::Bt709, YuvRange::Full),
    }
}

fn frame() -> Frame {
    let request = LayoutRequest::new(Fourcc::Y8, WIDTH, HEIGHT).cpu(CpuUse::ReadWrite);
    heap()
        .allocate(&request)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// What a device has written, and the CPU has not seen yet.
fn written_by_device(dmabuf: &Arc<DmaBuf>, bytes: &[u8]) {
    let mapping = BareMapping::of(dmabuf);
    mapping.write(bytes);
    mapping.sync(Sync::EndWrite);
    mapping.write(&vec![0; bytes.len()]);
}

/// What a device reads, whatever the CPU has.
fn seen_by_device(dmabuf: &Arc<DmaBuf>) -> Vec<u8> {
    let mapping = BareMapping::of(dmabuf);
    mapping.write(&[0xee; LEN]);
    mapping.sync(Sync::StartRead);
    mapping.read(LEN)
}

fn drawn() -> Vec<u8> {
    (0..LEN)
        .map(|at| (at % 251).to_le_bytes()[0].max(1))
        .collect()
}

/// Turns the picture upside down, once.
#[expect(unsafe_code, reason = "the frames are the test's own")]
fn convert(from: &Frame, to: &Frame) {
    let half_turn = Orientation::Rotate180;
    let conversion = Conversion::new(picture(), picture(), half_turn, None, Filter::Bilinear, 1);
    let mut conversion = conversion.unwrap_or_else(|error| panic!("{error}"));
    // SAFETY: no device and no other thread has these frames, and nobody else looks at their mappings now.
    let done = unsafe { conversion.run(from, to) };
    let done = done.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(done.sync_ioctls, 4);
}

#[test]
fn what_a_device_wrote_is_converted_and_a_device_sees_the_result() {
    let (from, to) = (frame(), frame());
    written_by_device(from.dmabuf(0), &drawn());
    convert(&from, &to);
    let turned: Vec<u8> = drawn().into_iter().rev().collect();
    assert!(seen_by_device(to.dmabuf(0)) == turned);
    assert!(
        seen_by_device(from.dmabuf(0)) == drawn(),
        "reading changes nothing"
    );
}

#[test]
fn without_a_start_an_old_picture_is_converted() {
    let (from, to) = (frame(), frame());
    written_by_device(from.dmabuf(0), &drawn());
    let skipped = Skip::half(Half::Begin);
    convert(&from, &to);
    drop(skipped);
    assert!(seen_by_device(to.dmabuf(0)) == [0; LEN]);
}

#[test]
fn without_an_end_a_device_sees_an_old_picture() {
    let (from, to) = (frame(), frame());
    written_by_device(from.dmabuf(0), &drawn());
    written_by_device(to.dmabuf(0), &[0x11; LEN]);
    let skipped = Skip::half(Half::End);
    convert(&from, &to);
    drop(skipped);
    assert!(seen_by_device(to.dmabuf(0)) == [0x11; LEN]);
}
