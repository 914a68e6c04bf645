//! A mem2mem device works through the queues of `v4l2-import`, on imported frames on both sides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dmabuf_heap::{Allocator, Frame, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::command::Run;
use dmaheap_tests::v4l2_m2m::{Pair, moment, open_pair};
use dmaheap_tests::v4l2_queue::{fill, frames, next, pixels, set_format};
use dmaheap_tests::{device, note};
use v4l2_import::{
    Clock, Colorimetry, ControlId, Dequeued, Drain, FormatRequest, Payload, Queue, Size, V4l2Fourcc,
};

const SIZE: (u32, u32) = (320, 240);

fn vim2m() -> PathBuf {
    device::video_node("vim2m")
}

fn system() -> Arc<dyn Allocator> {
    let registry = Registry::discover();
    registry.find("system").expect("the system heap")
}

/// A format in the words of V4L2 and of GStreamer.
type Format = (&'static [u8; 4], &'static str);

/// What goes in and what comes out, and how far each byte may be from the peer's.
struct Conversion {
    from: Format,
    to: Format,
    tolerance: u8,
}

const RGB16: Format = (b"RGBP", "RGB16");
const RGB: Format = (b"RGB3", "RGB");
const BGR: Format = (b"BGR3", "BGR");
const YUYV: Format = (b"YUYV", "YUY2");

const CONVERSIONS: [Conversion; 5] = [
    Conversion {
        from: RGB,
        to: RGB,
        tolerance: 0,
    },
    Conversion {
        from: RGB,
        to: BGR,
        tolerance: 0,
    },
    Conversion {
        from: RGB16,
        to: RGB16,
        tolerance: 0,
    },
    // Both cut fractions off, at other places.
    Conversion {
        from: RGB,
        to: YUYV,
        tolerance: 2,
    },
    // vim2m fills the low bits of RGB565 with ones, where the peer repeats the high ones.
    Conversion {
        from: RGB16,
        to: YUYV,
        tolerance: 8,
    },
];

/// The flips and their name in the peer `videoflip`.
const FLIPS: [(bool, bool, &str); 4] = [
    (false, false, "none"),
    (true, false, "horizontal-flip"),
    (false, true, "vertical-flip"),
    (true, true, "rotate-180"),
];

/// Colours that change in both directions. Two pixels beside each other are equal: they share their chroma in YUYV.
fn picture(bytes_per_pixel: usize) -> Vec<u8> {
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let pixel = |x: usize, y: usize| {
        let x = x / 2 * 2;
        let rgb = [
            x * 255 / width,
            y * 255 / height,
            (x + 2 * y) * 255 / (width + 2 * height),
        ];
        let [red, green, blue] = rgb.map(|value| u8::try_from(value).expect("below 256"));
        if bytes_per_pixel == 3 {
            return vec![red, green, blue];
        }
        let word = u16::from(red >> 3) << 11 | u16::from(green >> 2) << 5 | u16::from(blue >> 3);
        word.to_le_bytes().to_vec()
    };
    (0..width * height)
        .flat_map(|at| pixel(at % width, at / width))
        .collect()
}

/// What the peers `videoflip` and `videoconvert` make of it.
#[track_caller]
fn by_peer(source: &[u8], from: &str, to: &str, flip: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let (input, output) = (directory.path().join("in"), directory.path().join("out"));
    std::fs::write(&input, source).expect("a file");
    let (width, height) = SIZE;
    let parse = format!(
        "rawvideoparse format={} width={width} height={height}",
        from.to_lowercase()
    );
    let colorimetry = if to == "YUY2" {
        ",colorimetry=bt601"
    } else {
        ""
    };
    let convert = "videoconvert dither=none chroma-mode=none";
    // videoflip has no format of 16 bits.
    let flip = format!("{convert} ! video/x-raw,format=RGB ! videoflip method={flip}");
    Run::pipeline(&format!(
        "filesrc location={} blocksize={} ! {parse} ! {flip} ! {convert} ! \
         video/x-raw,format={to}{colorimetry} ! filesink location={}",
        input.display(),
        source.len(),
        output.display()
    ))
    .finish()
    .expect_success();
    std::fs::read(&output).expect("a picture")
}

fn pair(node: &Path, from: Format, to: Format) -> (Pair, Vec<Frame>, Vec<Frame>) {
    let (mut output, mut capture) = open_pair(node);
    let read = set_format(&mut output, from.0, SIZE);
    let made = set_format(&mut capture, to.0, SIZE);
    let heap = system();
    let (sources, results) = (frames(&*heap, &read, 2), frames(&*heap, &made, 2));
    let output = output
        .import(sources.clone())
        .unwrap_or_else(|error| panic!("{error}"));
    let capture = capture
        .import(results.clone())
        .unwrap_or_else(|error| panic!("{error}"));
    (Pair::start(output, capture), sources, results)
}

#[test]
fn conversions_and_flips_are_those_of_a_peer_over_the_whole_picture() {
    let node = vim2m();
    for Conversion {
        from,
        to,
        tolerance,
    } in CONVERSIONS
    {
        let census = Census::take();
        let (mut pair, sources, results) = pair(&node, from, to);
        let bytes_per_pixel = if from == RGB16 { 2 } else { 3 };
        let source = picture(bytes_per_pixel);
        for frame in &sources {
            fill(frame, &source);
        }
        let device = pair.output.device().clone();
        for (horizontal, vertical, flip) in FLIPS {
            for (id, is_on) in [
                (ControlId::HORIZONTAL_FLIP, horizontal),
                (ControlId::VERTICAL_FLIP, vertical),
            ] {
                let control = device.control(id).expect("vim2m flips");
                device.set_control(&control, is_on).expect("either way");
            }
            let ours = pair.convert(&Payload::new(moment(1)), |done| {
                assert!(!done.flags.has_error());
                let frame = done.buffer.frame().expect("a picture");
                assert_eq!(frame, &results[done.buffer.index() as usize]);
                pixels(frame)
            });
            let peers = by_peer(&source, from.1, to.1, flip);
            assert_eq!(ours.len(), peers.len());
            let worst = ours.iter().zip(&peers).map(|(a, b)| a.abs_diff(*b)).max();
            note(format_args!("{} → {}, {flip}: {worst:?}", from.1, to.1));
            assert!(
                worst.is_some_and(|worst| worst <= tolerance),
                "{} → {}, {flip}: off by {worst:?}",
                from.1,
                to.1
            );
        }
        drop((pair, sources, results, device));
        census.expect_restored("a conversion");
    }
}

#[test]
fn a_picture_keeps_its_time_on_its_way_through() {
    let (mut pair, _sources, _results) = pair(&vim2m(), RGB, YUYV);
    for index in 0..6 {
        let payload = Payload::new(moment(index) + std::time::Duration::from_micros(7));
        pair.convert(&payload, |done| {
            assert_eq!(
                done.timestamp,
                moment(index) + std::time::Duration::from_micros(7)
            );
            assert_eq!(done.flags.clock(), Clock::Copied);
            assert_eq!(done.sequence, index);
            let planes = done.planes();
            assert_eq!(planes.len(), 1);
            assert_eq!(planes[0].bytes_used, SIZE.0 * SIZE.1 * 2);
        });
    }
}

#[test]
fn a_converter_is_drained_when_every_buffer_is_back() {
    let (mut pair, _sources, _results) = pair(&vim2m(), RGB, RGB);
    for index in 0..2 {
        let buffer = pair.free.pop().expect("an output buffer");
        let payload = Payload::new(moment(index));
        pair.output.enqueue(buffer, &payload).expect("good memory");
    }
    assert_eq!(pair.output.begin_drain().expect("no error"), Drain::Counted);
    while pair.output.queued() > 0 {
        pair.free.push(next(&pair.output).buffer);
    }
    for index in 0..2 {
        assert_eq!(next(&pair.capture).timestamp, moment(index));
    }
    assert!(matches!(pair.capture.try_dequeue(), Ok(Dequeued::NotYet)));
    pair.output.end_drain(Drain::Counted).expect("no error");
}

#[test]
fn what_the_pixels_stand_for_goes_in_and_comes_out() {
    let (mut output, capture) = open_pair(&vim2m());
    let (width, height) = SIZE;
    // Rec. 709, with the encoding, range and transfer function of its own.
    let colorimetry = Colorimetry {
        colorspace: 3,
        ycbcr_encoding: 2,
        quantization: 1,
        transfer: 1,
    };
    let request = FormatRequest::new(V4l2Fourcc::from_bytes(b"RGB3"), Size { width, height })
        .colorimetry(colorimetry);
    let format = output.set_format(&request).expect("vim2m takes any");
    assert_eq!(format.colorimetry, colorimetry);
    let made = capture.format().expect("a format");
    assert_eq!(
        made.colorimetry, colorimetry,
        "it converts nothing but pixels"
    );
}

#[test]
fn each_open_file_has_queues_of_its_own() {
    let census = Census::take();
    let node = vim2m();
    let first = pair(&node, RGB, YUYV).0;
    let mut second = pair(&node, RGB, RGB16).0;
    second.convert(&Payload::new(moment(1)), |_done| ());
    let formats = [&first, &second].map(|pair| {
        let format = pair.output.device().format(Queue::Capture);
        format.expect("a format").code.to_string()
    });
    assert_eq!(formats, ["YUYV", "RGBP"]);
    drop((first, second));
    census.expect_restored("two users of one device");
}

/// The driver counts on the bytes that the frame has, not on what it is told.
#[test]
fn more_bytes_than_the_memory_has_are_refused_with_both_numbers() {
    let (mut pair, sources, _results) = pair(&vim2m(), RGB, RGB);
    let buffer = pair.free.pop().expect("an output buffer");
    let len = u32::try_from(sources[0].dmabuf(0).len()).expect("below 4 GiB");
    let payload = Payload::new(moment(0)).bytes_used(&[len + 1]);
    let failed = pair.output.enqueue(buffer, &payload).expect_err("too many");
    let text = failed.to_string();
    for part in [
        "output queue, buffer",
        &len.to_string(),
        &(len + 1).to_string(),
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    pair.free.push(failed.given_back);
    pair.convert(&Payload::new(moment(1)), |done| {
        assert!(!done.flags.has_error());
    });
}
