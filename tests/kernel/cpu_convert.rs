//! Frames of real heaps, converted by CPU: the pixels, the memory they may lie in, and the SYNC calls around them.

use std::sync::Arc;

use cpu_convert::{Conversion, Done, Filter, Orientation, Picture, PlaneMut, PlaneRef};
use dmabuf_heap::{
    CpuUse, DmaBuf, Fourcc, Frame, FrameLayout, LayoutRequest, Modifier, PixelFormat, PlaneLayout,
    Registry, YuvColor, YuvEncoding, YuvRange,
};
use dmaheap_tests::census::{self, Census};
use dmaheap_tests::content::content;
use dmaheap_tests::trace::{Recorder, Trace};

const COLOR: YuvColor = YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited);
/// Neither is a multiple of what strides are aligned to.
const SOURCE: Picture = Picture {
    fourcc: Fourcc::NV12,
    width: 362,
    height: 242,
    color: COLOR,
};
const TARGET: Picture = Picture {
    fourcc: Fourcc::XRGB8888,
    width: 202,
    height: 318,
    color: COLOR,
};

fn conversion(threads: usize) -> Conversion {
    Conversion::new(
        SOURCE,
        TARGET,
        Orientation::Rotate90,
        None,
        Filter::Bilinear,
        threads,
    )
    .expect("it is supported")
}

fn request(picture: &Picture) -> LayoutRequest {
    LayoutRequest::new(picture.fourcc, picture.width, picture.height)
        .stride_align(64)
        .cpu(CpuUse::ReadWrite)
}

/// Bytes that differ from row to row and from plane to plane.
fn draw(frame: &Frame) {
    let mut mapping = frame.map().expect("heap memory can be mapped");
    let mut access = mapping.write().expect("writing begins");
    for plane in 0..frame.layout().planes().len() {
        let len = frame
            .layout()
            .row_bytes(plane)
            .expect("the frame is linear");
        for row in 0..frame.layout().rows(plane).expect("the frame is linear") {
            let bytes: Vec<_> = (0..len)
                .map(|x| 32 + ((x * 3 + u64::from(row) * 5) % 160).to_le_bytes()[0])
                .collect();
            access
                .write_row(plane, row, &bytes)
                .expect("the row exists");
        }
    }
    access.finish().expect("writing ends");
}

/// The same conversion of the same bytes in ordinary memory.
fn expected(source: &Frame) -> Vec<u8> {
    let planes: Vec<_> = (0..source.layout().planes().len())
        .map(|plane| content(source, plane))
        .collect();
    let strides = source
        .layout()
        .planes()
        .iter()
        .map(|plane| plane.stride as usize);
    let sources: Vec<_> = planes
        .iter()
        .zip(strides)
        .map(|(data, stride)| PlaneRef { data, stride })
        .collect();
    let stride = TARGET.width as usize * 4;
    let mut pixels = vec![0; stride * TARGET.height as usize];
    let target = PlaneMut {
        data: &mut pixels,
        stride,
    };
    conversion(1)
        .convert_planes(&sources, &mut [target])
        .expect("the frame is linear");
    pixels
}

/// The pixels of a frame of one plane, without padding.
fn pixels(frame: &Frame) -> Vec<u8> {
    let stride = frame.layout().planes()[0].stride as usize;
    let row_bytes = usize::try_from(frame.layout().row_bytes(0).expect("the frame is linear"))
        .expect("the frame is linear");
    let bytes = content(frame, 0);
    let rows = bytes.chunks(stride);
    rows.flat_map(|row| row[..row_bytes].to_vec()).collect()
}

#[expect(unsafe_code, reason = "the frames are the test's own")]
fn run(conversion: &mut Conversion, from: &Frame, to: &Frame) -> Done {
    // SAFETY: no device and no other thread has these frames, and nobody else looks at their mappings now.
    let result = unsafe { conversion.run(from, to) };
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// What this process did.
fn traced(act: impl FnOnce()) -> Trace {
    let recorder = Recorder::start();
    act();
    recorder.finish().of_process(std::process::id())
}

#[test]
fn frames_of_every_heap_become_frames_of_every_other() {
    let registry = Registry::discover();
    let allocators = registry.allocators();
    assert!(
        allocators.len() >= 3,
        "system, contiguous memory and udmabuf"
    );
    for from in &allocators {
        let source = from.allocate(&request(&SOURCE)).unwrap();
        draw(&source);
        let expected = expected(&source);
        for to in &allocators {
            let target = to.allocate(&request(&TARGET)).unwrap();
            for threads in [1, 3] {
                run(&mut conversion(threads), &source, &target);
                assert!(
                    pixels(&target) == expected,
                    "from {} to {} with {threads} threads",
                    from.name(),
                    to.name()
                );
            }
        }
    }
}

#[test]
fn planes_in_dmabufs_of_their_own_are_read_and_written() {
    let registry = Registry::discover();
    let system = registry.find("system").unwrap();
    let per_plane = |picture: &Picture| {
        let format = PixelFormat::find(picture.fourcc).unwrap();
        let planes: Vec<_> = format
            .planes()
            .iter()
            .map(|plane| {
                let stride = u32::try_from(plane.row_bytes(picture.width)).unwrap() + 6;
                let len = u64::from(stride) * u64::from(plane.rows(picture.height));
                PlaneLayout {
                    offset: 0,
                    stride,
                    len,
                }
            })
            .collect();
        let dmabufs: Vec<Arc<DmaBuf>> = planes
            .iter()
            .map(|plane| {
                Arc::new(
                    system
                        .as_bytes()
                        .unwrap()
                        .allocate_bytes(plane.len)
                        .unwrap(),
                )
            })
            .collect();
        let layout = FrameLayout::with_planes(
            picture.fourcc,
            Modifier::LINEAR,
            picture.width,
            picture.height,
            &planes,
        );
        Frame::new(layout.unwrap(), &dmabufs).unwrap()
    };
    let planar = Picture {
        fourcc: Fourcc::YUV420,
        ..SOURCE
    };
    let (source, middle, back) = (per_plane(&SOURCE), per_plane(&planar), per_plane(&SOURCE));
    draw(&source);
    let same = |from, to| {
        Conversion::new(from, to, Orientation::Identity, None, Filter::Bilinear, 2).unwrap()
    };
    let there = run(&mut same(SOURCE, planar), &source, &middle);
    let again = run(&mut same(planar, SOURCE), &middle, &back);
    assert_eq!(
        [there, again].map(|done| done.sync_ioctls),
        [2 * (2 + 3); 2]
    );
    for plane in 0..2 {
        let row_bytes = usize::try_from(source.layout().row_bytes(plane).unwrap()).unwrap();
        let stride = source.layout().planes()[plane].stride as usize;
        let [drawn, got] = [&source, &back].map(|frame| content(frame, plane));
        for (drawn, got) in drawn.chunks(stride).zip(got.chunks(stride)) {
            assert_eq!(drawn[..row_bytes], got[..row_bytes], "plane {plane}");
            assert_eq!(got[row_bytes..], [0; 6], "padding of plane {plane}");
        }
    }
}

#[test]
fn a_frame_costs_its_sync_calls_and_is_mapped_once() {
    let registry = Registry::discover();
    let system = registry.find("system").unwrap();
    let frame = |picture| system.allocate(&request(picture)).unwrap();
    let frames: Vec<_> = (0..3).map(|_| (frame(&SOURCE), frame(&TARGET))).collect();
    let mut conversion = conversion(1);
    let first = traced(|| {
        for (from, to) in &frames {
            run(&mut conversion, from, to);
        }
    });
    assert_eq!(first.mapped().len(), 6);

    let mut counted = 0;
    let settled = traced(|| {
        for _ in 0..10 {
            for (from, to) in &frames {
                let done = run(&mut conversion, from, to);
                counted += done.sync_ioctls;
                assert_eq!(done.bytes_read, 362 * 242 * 3 / 2);
                assert_eq!(done.bytes_written, 202 * 318 * 4);
            }
        }
    });
    assert_eq!(counted, 30 * 4, "begin and end on each side");
    assert_eq!(settled.count("DMA_BUF_IOCTL_SYNC"), counted);
    assert_eq!(settled.mapped(), [].into());
    // Those of the tracer itself.
    let others = settled.calls().values().sum::<u64>() - counted;
    assert!(others < 30, "{:?}", settled.calls());
}

#[test]
fn nothing_stays_open_or_mapped() {
    let registry = Registry::discover();
    let system = registry.find("system").unwrap();
    let before = Census::take();
    for _ in 0..3 {
        let mut conversion = conversion(2);
        // More than stay mapped.
        for _ in 0..40 {
            let (from, to) = (
                system.allocate(&request(&SOURCE)).unwrap(),
                system.allocate(&request(&TARGET)).unwrap(),
            );
            run(&mut conversion, &from, &to);
        }
        let (kept, _bytes) = census::dmabufs();
        assert!(kept <= 64 + before.dmabufs, "{kept} dma-bufs are kept");
        conversion.forget();
    }
    before.expect_restored("conversions");
}
