//! What `v4l2-import` says of memory is what real drivers then do with it.

use std::path::Path;
use std::time::Duration;

use dmabuf_heap::{Allocator, Frame, Importer, Registry, Suspect, Verdict};
use dmaheap_tests::cameras::{
    CONTIGUOUS, CONTIGUOUS_MULTI, SCATTERED, SCATTERED_MULTI, SIZE, camera, open, refused, system,
    vim2m,
};
use dmaheap_tests::census::{self, Census};
use dmaheap_tests::v4l2_frame::{format, frame, importer};
use dmaheap_tests::v4l2_stream::{Side, stream};
use dmaheap_tests::{note, wait};
use v4l2_import::{Queue, QueueFormat};

/// What a probe says of a frame, and what streaming then does with two like it.
struct Pair {
    verdict: Verdict,
    streamed: std::io::Result<()>,
}

fn capture_pair(node: &Path, allocator: &dyn Allocator, format: &QueueFormat) -> Pair {
    let frames = [frame(allocator, format), frame(allocator, format)];
    let importer = importer(node, Queue::Capture).may_set_format(true);
    let verdict = importer.probe(&frames[0]);
    let side = Side {
        queue: Queue::Capture,
        format,
        frames: &frames,
    };
    let is_multiplanar = open(node).info().is_multiplanar;
    Pair {
        verdict,
        streamed: stream(node, is_multiplanar, &[side]),
    }
}

#[track_caller]
fn expect_agreement(pair: &Pair, is_taken: bool, what: &str) {
    note(format_args!(
        "{what}: {:?}, {:?}",
        pair.verdict, pair.streamed
    ));
    assert_eq!(
        pair.streamed.is_ok(),
        is_taken,
        "{what}: {:?}",
        pair.streamed
    );
    match &pair.verdict {
        Verdict::Accepted => assert!(is_taken, "{what}: accepted"),
        Verdict::Refused(refusal) => {
            assert!(!is_taken, "{what}: {refusal}");
            assert_eq!(
                refusal.suspect,
                Some(Suspect::Scattered),
                "{what}: {refusal}"
            );
        }
        Verdict::Unknown(why) => panic!("{what}: {why}"),
    }
}

#[test]
fn verdicts_on_cameras_are_what_streaming_does() {
    let census = Census::take();
    let registry = Registry::discover();
    for (instance, codes) in [
        (SCATTERED, &[b"NV12", b"XR24"][..]),
        (CONTIGUOUS, &[b"NV12", b"XR24"]),
        (SCATTERED_MULTI, &[b"NV12", b"NM12", b"YM12"]),
        (CONTIGUOUS_MULTI, &[b"NV12", b"NM12", b"YM12"]),
    ] {
        let node = camera(instance);
        let wants_contiguous = [CONTIGUOUS, CONTIGUOUS_MULTI].contains(&instance);
        for code in codes {
            let format = format(&node, Queue::Capture, code, SIZE);
            for allocator in registry.allocators() {
                let is_contiguous = allocator.name() == "default_cma_region";
                if format.buffers.len() > 1 && wants_contiguous && !is_contiguous {
                    // Not leak-free: see a_refused_frame_in_several_dmabufs_is_left_behind_by_the_kernel_alone.
                    continue;
                }
                let what = format!("camera {instance}, {format}, {}", allocator.name());
                let pair = capture_pair(&node, &*allocator, &format);
                expect_agreement(&pair, is_contiguous || !wants_contiguous, &what);
            }
        }
    }
    drop(registry);
    census.expect_restored("the matrix of the cameras");
}

/// Linux 7.3 keeps its references to the dma-bufs of the planes behind the one that it refused, whoever imports them
/// (`__prepare_dmabuf`, videobuf2-core.c). A probe must add nothing to that.
#[test]
fn a_refused_frame_in_several_dmabufs_is_left_behind_by_the_kernel_alone() {
    let node = camera(CONTIGUOUS_MULTI);
    let heap = system();
    for code in [b"NM12", b"YM12"] {
        let format = format(&node, Queue::Capture, code, SIZE);
        let kept_after = |import: &dyn Fn(&[Frame])| {
            let (before, _bytes) = census::dmabufs();
            let frames = [frame(&*heap, &format), frame(&*heap, &format)];
            import(&frames);
            drop(frames);
            let kept = || census::dmabufs().0 - before;
            let all_gone = || (kept() == 0).then_some(());
            wait::until(Duration::from_secs(5), all_gone).map_or_else(kept, |()| 0)
        };
        let streamed = kept_after(&|frames| {
            let side = Side {
                queue: Queue::Capture,
                format: &format,
                frames,
            };
            stream(&node, true, &[side]).expect_err("scattered memory is refused");
        });
        let probed = kept_after(&|frames| {
            let importer = importer(&node, Queue::Capture).may_set_format(true);
            let refusal = refused(importer.probe(&frames[0]));
            assert_eq!(refusal.suspect, Some(Suspect::Scattered), "{refusal}");
        });
        note(format_args!(
            "{format}: kept after streaming {streamed}, after a probe {probed}"
        ));
        assert!(
            probed <= streamed,
            "{probed} dma-bufs after a probe, {streamed} after streaming"
        );
    }
}

#[test]
fn verdicts_on_a_mem2mem_device_are_what_streaming_does() {
    let census = Census::take();
    let node = vim2m();
    let registry = Registry::discover();
    for allocator in registry.allocators() {
        let formats = [Queue::Output, Queue::Capture]
            .map(|queue| (queue, format(&node, queue, b"RGBP", (320, 240))));
        let frames = formats
            .clone()
            .map(|(_queue, format)| [frame(&*allocator, &format), frame(&*allocator, &format)]);
        let sides: Vec<_> = formats
            .iter()
            .zip(&frames)
            .map(|((queue, format), frames)| Side {
                queue: *queue,
                format,
                frames,
            })
            .collect();
        for side in &sides {
            let importer = importer(&node, side.queue).may_set_format(true);
            let verdict = importer.probe(&side.frames[0]);
            assert_eq!(
                verdict,
                Verdict::Accepted,
                "{} of {}",
                side.queue,
                allocator.name()
            );
        }
        stream(&node, false, &sides).unwrap_or_else(|error| panic!("{error}"));
    }
    drop(registry);
    census.expect_restored("the matrix of vim2m");
}

#[test]
fn a_wider_stride_is_taken_where_the_driver_takes_it() {
    let node = camera(SCATTERED);
    let mut wide = format(&node, Queue::Capture, b"NV12", SIZE);
    wide.buffers[0].bytes_per_line = 768;
    wide.buffers[0].size_image = 768 * 360 * 3 / 2;
    let pair = capture_pair(&node, &*system(), &wide);
    expect_agreement(&pair, true, "a stride of 768");
}
