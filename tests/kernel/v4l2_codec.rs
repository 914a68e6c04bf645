//! A stateful encoder and decoder through the queues of `v4l2-import`: compressed frames keep their length, a drain has an end,
//! and a decoder tells its format.

use std::path::PathBuf;
use std::sync::Arc;

use dmabuf_heap::{Allocator, DmaBuf, Fourcc, Frame, FrameLayout, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::v4l2_frame::memory;
use dmaheap_tests::v4l2_m2m::{Pair, moment, open_pair};
use dmaheap_tests::v4l2_queue::{fill, frames, next, next_or_end, pixels, set_format};
use dmaheap_tests::{device, note};
use std::time::Duration;
use v4l2_import::{
    BufferQueue, Drain, Event, EventKind, Output, Payload, Queue, Rectangle, Rounding,
    SelectionTarget, Streaming,
};

/// Whole blocks of 8x8 in the chroma planes too: nothing is padded.
const SIZE: (u32, u32) = (640, 480);
const PICTURES: u32 = 5;

fn encoder() -> PathBuf {
    device::video_node("stateful-encoder")
}

fn decoder() -> PathBuf {
    device::video_node("stateful-decoder")
}

fn system() -> Arc<dyn Allocator> {
    let registry = Registry::discover();
    registry.find("system").expect("the system heap")
}

/// Planes of YUV420 in which something moves.
fn picture(index: u32) -> Vec<u8> {
    let (width, height) = SIZE;
    let ramp = |x: u32, y: u32, width: u32| {
        u8::try_from(40 + (x * 160 / width + y / 4 + 8 * index) % 160).expect("below 256")
    };
    let luma = (0..width * height).map(|at| ramp(at % width, at / width, width));
    let (width, height) = (width / 2, height / 2);
    let chroma = (0..2 * width * height).map(|at| ramp(at % width, 0, width));
    luma.chain(chroma).collect()
}

/// The first bytes of a dma-buf.
#[track_caller]
fn bytes(dmabuf: &Arc<DmaBuf>, len: u32) -> Vec<u8> {
    let layout = FrameLayout::linear(Fourcc::R8, len, 1, 1).expect("bytes");
    pixels(&Frame::new(layout, std::slice::from_ref(dmabuf)).expect("it is longer"))
}

#[track_caller]
fn write(dmabuf: &Arc<DmaBuf>, bytes: &[u8]) {
    let len = u32::try_from(bytes.len()).expect("below 4 GiB");
    let layout = FrameLayout::linear(Fourcc::R8, len, 1, 1).expect("bytes");
    fill(
        &Frame::new(layout, std::slice::from_ref(dmabuf)).expect("it is longer"),
        bytes,
    );
}

/// An encoder that was given every picture, with the pictures that it made, and the sizes of its buffers.
#[track_caller]
fn encoded() -> (Pair, Vec<Vec<u8>>) {
    let (mut output, mut capture) = open_pair(&encoder());
    let raw = set_format(&mut output, b"YU12", SIZE);
    let coded = set_format(&mut capture, b"FWHT", SIZE);
    let heap = system();
    let sources = frames(&*heap, &raw, 2);
    let size = coded.buffers[0].size_image;
    let coded: Vec<_> = (0..3).map(|_index| memory(&*heap, size)).collect();
    let output = output
        .import(sources.clone())
        .unwrap_or_else(|error| panic!("{error}"));
    let capture = capture
        .import_bytes(coded)
        .unwrap_or_else(|error| panic!("{error}"));
    let mut pair = Pair::start(output, capture);
    let mut pictures = Vec::new();
    for index in 0..PICTURES {
        let source = pair.free.last().and_then(|buffer| buffer.frame());
        fill(source.expect("a picture"), &picture(index));
        pictures.push(pair.convert(&Payload::new(moment(index)), |done| {
            assert!(!done.flags.has_error());
            assert_eq!(done.timestamp, moment(index));
            assert_eq!(done.buffer.frame(), None);
            let used = done.planes()[0].bytes_used;
            assert!(used > 0 && used < size, "{used} of {size}");
            let memory = done.buffer.dmabufs().next().expect("a dma-buf");
            bytes(memory, used)
        }));
    }
    let lengths: Vec<_> = pictures.iter().map(Vec::len).collect();
    note(format_args!("{lengths:?}"));
    (pair, pictures)
}

#[test]
fn a_drained_encoder_marks_its_last_frame_and_goes_on_when_it_is_told() {
    let census = Census::take();
    let (mut pair, _pictures) = encoded();
    let device = pair.output.device().clone();
    device
        .set_subscribed(EventKind::EndOfStream, true)
        .expect("a stateful codec tells");
    let buffer = pair.free.pop().expect("an output buffer");
    pair.output
        .enqueue(buffer, &Payload::new(moment(PICTURES)))
        .expect("the same memory again");
    let drain = pair.output.begin_drain().expect("it encodes");
    assert_eq!(drain, Drain::Encoder);
    let mut returned = Vec::new();
    let is_marked = loop {
        let Some(done) = next_or_end(&pair.capture) else {
            break false;
        };
        let is_last = done.flags.is_last();
        returned.push(done);
        if is_last {
            break true;
        }
    };
    assert!(is_marked, "{returned:?}");
    let last = returned
        .iter()
        .find(|done| done.planes()[0].bytes_used > 0)
        .map(|done| done.timestamp);
    assert_eq!(last, Some(moment(PICTURES)));
    assert!(next_or_end(&pair.capture).is_none(), "nothing comes behind");
    assert_eq!(
        device.try_event().expect("no error"),
        Some(Event::EndOfStream)
    );

    pair.output.end_drain(drain).expect("it has ended");
    // vicodec stays drained until its capture queue starts anew, which the interface allows any driver.
    let mut pair = pair.restart_capture(returned);
    pair.free.push(next(&pair.output).buffer);
    pair.convert(&Payload::new(moment(PICTURES + 1)), |done| {
        assert_eq!(done.timestamp, moment(PICTURES + 1));
    });
    drop((pair, device));
    census.expect_restored("a drain");
}

/// Waits for the format of the stream.
#[track_caller]
fn wait_for_source_change(queue: &BufferQueue<Output, Streaming>) {
    let device = queue.device();
    for _attempt in 0..20 {
        if let Some(event) = device.try_event().expect("no error") {
            assert_eq!(
                event,
                Event::SourceChange {
                    is_resolution: true
                }
            );
            return;
        }
        queue.wait(Duration::from_secs(1)).expect("poll");
    }
    panic!("the decoder does not tell its format");
}

#[test]
fn a_decoder_tells_its_format_and_gives_the_pictures_back() {
    let (encoder, coded) = encoded();
    drop(encoder);
    let census = Census::take();
    let (mut output, capture) = open_pair(&decoder());
    let device = output.device().clone();
    for kind in [EventKind::SourceChange, EventKind::EndOfStream] {
        device
            .set_subscribed(kind, true)
            .expect("a stateful codec tells");
    }
    let format = set_format(&mut output, b"FWHT", SIZE);
    let heap = system();
    let size = format.buffers[0].size_image;
    let memories: Vec<_> = (0..PICTURES).map(|_index| memory(&*heap, size)).collect();
    let (output, buffers) = output
        .import_bytes(memories)
        .unwrap_or_else(|error| panic!("{error}"));
    let output = output.start().unwrap_or_else(|error| panic!("{error}"));
    for (index, (buffer, coded)) in (0..).zip(buffers.into_iter().zip(&coded)) {
        write(buffer.dmabufs().next().expect("a dma-buf"), coded);
        let len = u32::try_from(coded.len()).expect("below 4 GiB");
        let payload = Payload::new(moment(index)).bytes_used(&[len]);
        output
            .enqueue(buffer, &payload)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    wait_for_source_change(&output);

    let format = capture.format().expect("it is known now");
    assert_eq!(
        (format.code.to_string(), format.width, format.height),
        ("YU12".to_owned(), SIZE.0, SIZE.1)
    );
    let capture = dmaheap_tests::v4l2_queue::start(capture, frames(&*heap, &format, 3));
    let drain = output.begin_drain().expect("it decodes");
    assert_eq!(drain, Drain::Decoder);
    let mut seen = 0;
    while let Some(done) = next_or_end(&capture) {
        if done.planes()[0].bytes_used > 0 {
            assert!(!done.flags.has_error());
            assert_eq!(done.timestamp, moment(seen));
            let ours = pixels(done.buffer.frame().expect("a picture"));
            let source = picture(seen);
            let sum: u64 = ours
                .iter()
                .zip(&source)
                .map(|(a, b)| u64::from(a.abs_diff(*b)))
                .sum();
            let mean = sum * 100 / ours.len() as u64;
            note(format_args!(
                "picture {seen}: {mean} hundredths off on average"
            ));
            assert!(mean < 300, "picture {seen}");
            seen += 1;
        }
        if !done.flags.is_last() {
            capture.enqueue(done.buffer).expect("good memory");
        }
    }
    assert_eq!(seen, PICTURES);
    let event = device.try_event().expect("no error");
    assert_eq!(event, Some(Event::EndOfStream));
    drop((output, capture, device, heap));
    census.expect_restored("a decoded stream");
}

#[test]
fn an_encoder_crops_what_it_is_given() {
    let (mut output, _capture) = open_pair(&encoder());
    set_format(&mut output, b"YU12", (1280, 720));
    let device = output.device();
    let whole = device
        .selection(Queue::Output, SelectionTarget::CropBounds)
        .expect("it crops");
    assert_eq!((whole.width, whole.height), (1280, 720));
    let wanted = Rectangle {
        left: 0,
        top: 0,
        width: 640,
        height: 480,
    };
    let target = SelectionTarget::Crop;
    let got = device
        .set_selection(Queue::Output, target, wanted, Rounding::Nearest)
        .expect("it crops");
    assert_eq!(got, wanted);
    assert_eq!(
        device.selection(Queue::Output, target).expect("it crops"),
        wanted
    );
}
