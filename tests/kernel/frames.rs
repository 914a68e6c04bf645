//! Frames on real memory: who they are, what is in them, who holds them.

use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use dmabuf_heap::{
    CpuUse, DmaBuf, Fourcc, Frame, FrameLayout, LayoutRequest, Modifier, PixelFormat, PlaneLayout,
    Pool, Registry,
};
use dmaheap_tests::census::{self, Census};
use dmaheap_tests::content::{content, fill};
use dmaheap_tests::trace::Recorder;

fn request() -> LayoutRequest {
    LayoutRequest::new(Fourcc::NV12, 362, 242).cpu(CpuUse::ReadWrite)
}

#[test]
fn identity_is_of_the_buffer_not_of_the_fd() {
    let registry = Registry::discover();
    for allocator in registry.allocators() {
        let dmabuf = |len| allocator.as_bytes().unwrap().allocate_bytes(len).unwrap();
        let (one, other) = (dmabuf(4096), dmabuf(4096));
        let duplicate: OwnedFd = one.as_fd().try_clone_to_owned().unwrap();
        let duplicate = DmaBuf::from_fd(duplicate).unwrap();
        assert_eq!(duplicate.id(), one.id());
        assert_eq!(duplicate.len(), one.len());
        assert_ne!(one.id(), other.id(), "{}", allocator.name());
    }
}

#[test]
fn every_format_at_odd_sizes_reads_back_as_written() {
    let registry = Registry::discover();
    for allocator in registry.allocators() {
        for (format, (width, height)) in PixelFormat::all()
            .iter()
            .zip([(1, 1), (65, 33), (34, 18)].into_iter().cycle())
        {
            let request = LayoutRequest::new(format.fourcc, width, height).cpu(CpuUse::ReadWrite);
            let frame = allocator.allocate(&request).unwrap();
            let mut mapping = frame.map().unwrap();
            let row_of = |plane: usize, row: u32| {
                let len = frame.layout().row_bytes(plane).unwrap();
                (0..len).map(move |x| (x + 7 * u64::from(row) + 31 * plane as u64).to_le_bytes()[0])
            };
            let rows = |plane| 0..frame.layout().rows(plane).unwrap();
            let planes = 0..frame.layout().planes().len();
            let mut access = mapping.write().unwrap();
            for plane in planes.clone() {
                for row in rows(plane) {
                    access
                        .write_row(plane, row, &row_of(plane, row).collect::<Vec<_>>())
                        .unwrap();
                }
            }
            access.finish().unwrap();
            let access = mapping.read().unwrap();
            for plane in planes {
                for row in rows(plane) {
                    let wanted: Vec<_> = row_of(plane, row).collect();
                    let mut got = vec![0; wanted.len()];
                    access.read_row(plane, row, &mut got).unwrap();
                    assert!(
                        got == wanted,
                        "{} {} plane {plane} row {row}",
                        allocator.name(),
                        format.name
                    );
                }
            }
        }
    }
}

#[test]
fn pictures_are_copied_between_strides_and_allocators() {
    let registry = Registry::discover();
    let allocators = registry.allocators();
    for (from, to) in allocators.iter().zip(allocators.iter().cycle().skip(1)) {
        let tight = from.allocate(&request()).unwrap();
        let padded = to.allocate(&request().stride_align(256)).unwrap();
        assert_ne!(
            tight.layout().planes()[0].stride,
            padded.layout().planes()[0].stride
        );
        fill(&tight, 0x51);
        let source = tight.map().unwrap();
        let mut target = padded.map().unwrap();
        let reading = source.read().unwrap();
        let mut writing = target.write().unwrap();
        writing.copy_from(&reading).unwrap();
        writing.finish().unwrap();
        reading.finish().unwrap();
        let luma = content(&padded, 0);
        assert_eq!(luma[..362], [0x51; 362]);
        assert_eq!(luma[362..512], [0; 150], "padding is left alone");
    }
}

#[test]
fn planes_in_buffers_of_their_own_are_mapped_and_synced_once_each() {
    let registry = Registry::discover();
    let system = registry.find("system").unwrap();
    let dmabuf = |len| Arc::new(system.as_bytes().unwrap().allocate_bytes(len).unwrap());
    let planes = [64 * 32, 64 * 16].map(|len| PlaneLayout {
        offset: 0,
        stride: 64,
        len,
    });
    let layout = FrameLayout::with_planes(Fourcc::NV12, Modifier::LINEAR, 64, 32, &planes).unwrap();
    let frame = Frame::new(layout, &[dmabuf(2048), dmabuf(1024)]).unwrap();
    let one = system
        .allocate(&LayoutRequest::new(Fourcc::NV12, 64, 32))
        .unwrap();

    // Nobody else on this machine has a dma-buf, so all calls are counted.
    let recorder = Recorder::start();
    fill(&frame, 0x10);
    fill(&one, 0x10);
    let calls = recorder.finish().calls();
    assert_eq!(
        calls.get("DMA_BUF_IOCTL_SYNC"),
        Some(&6),
        "START and END for three buffers"
    );
    assert_eq!(content(&frame, 1), [0x10; 1024]);
}

#[test]
fn access_ends_when_a_panic_unwinds() {
    let registry = Registry::discover();
    let frame = registry
        .find("system")
        .unwrap()
        .allocate(&request())
        .unwrap();
    let mut mapping = frame.map().unwrap();
    let recorder = Recorder::start();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _access = mapping.write().unwrap();
        panic!("in the middle of writing");
    }));
    let calls = recorder.finish().calls();
    assert!(outcome.is_err());
    assert_eq!(
        calls.get("DMA_BUF_IOCTL_SYNC"),
        Some(&2),
        "START, and END by the guard"
    );
    mapping.write().unwrap().finish().unwrap();
}

#[test]
fn the_ledger_agrees_with_the_kernel() {
    let (buffers_before, bytes_before) = census::dmabufs();
    let registry = Registry::discover();
    let mut frames = Vec::new();
    for allocator in registry.allocators() {
        for _ in 0..3 {
            frames.push(allocator.allocate(&request()).unwrap());
        }
    }
    let (buffers, bytes) = census::dmabufs();
    let total = registry.ledger().total();
    assert_eq!(total.live_buffers, (buffers - buffers_before) as u64);
    assert_eq!(total.live_bytes, bytes - bytes_before);
    assert_eq!(total.allocations, 9);
    frames.clear();
    assert_eq!(registry.ledger().total().live_bytes, 0);
    assert_eq!(
        registry.ledger().account("udmabuf").unwrap().peak_buffers,
        3
    );
}

#[test]
fn a_thousand_frames_leave_nothing_behind() {
    let registry = Registry::discover();
    let small = LayoutRequest::new(Fourcc::NV12, 64, 32);
    let census = Census::take();
    for allocator in registry.allocators() {
        for _ in 0..333 {
            fill(&allocator.allocate(&small).unwrap(), 0x51);
        }
    }
    census.expect_restored("making, mapping and dropping 999 frames");
}

#[test]
fn threads_allocate_at_once() {
    let registry = Registry::discover();
    let census = Census::take();
    let (sender, ids) = mpsc::channel();
    thread::scope(|scope| {
        for allocator in registry.allocators() {
            for _ in 0..4 {
                let (allocator, sender) = (allocator.clone(), sender.clone());
                scope.spawn(move || {
                    let frames: Vec<_> = (0..8)
                        .map(|_| allocator.allocate(&request()).unwrap())
                        .collect();
                    for frame in &frames {
                        sender.send(*frame.key()).unwrap();
                    }
                    frames
                });
            }
        }
        drop(sender);
    });
    let keys: Vec<_> = ids.iter().collect();
    assert_eq!(keys.len(), 96);
    let ledger = registry.ledger().total();
    assert_eq!(
        (ledger.allocations, ledger.failures, ledger.live_buffers),
        (96, 0, 0)
    );
    census.expect_restored("allocating from twelve threads");
}

#[test]
fn close_hooks_run_when_the_last_frame_goes() {
    let registry = Registry::discover();
    let frame = registry
        .find("system")
        .unwrap()
        .allocate(&request())
        .unwrap();
    let id = frame.dmabuf(0).id();
    let (sender, closed) = mpsc::channel();
    frame.dmabuf(0).on_close(move |id| sender.send(id).unwrap());
    let clone = frame.clone();
    drop(frame);
    assert!(closed.try_recv().is_err(), "a clone is still about");
    drop(clone);
    assert_eq!(closed.try_recv(), Ok(id));
}

#[test]
fn a_pool_makes_each_frame_once() {
    let registry = Registry::discover();
    let pool = Pool::new(registry.find("system").unwrap(), request(), 3);
    let mut seen = HashSet::new();
    for _ in 0..50 {
        let frames: Vec<_> = ["camera", "converter", "sink"]
            .map(|holder| pool.try_acquire(holder).unwrap())
            .into();
        let error = pool
            .acquire("one more", Duration::from_millis(1))
            .unwrap_err();
        assert!(error.to_string().contains("camera holds inode"), "{error}");
        seen.extend(frames.iter().map(|frame| *frame.key()));
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(registry.ledger().total().allocations, 3);
}
