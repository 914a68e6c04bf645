//! The allocators of this machine do what `dmabuf-heap` says of them.
//!
//! Follows the kernel's own tests of heaps and udmabuf (`tools/testing/selftests/{dmabuf-heaps,drivers/dma-buf}`) as far
//! as they can be put through this API, and adds what those leave out: leaks, exhaustion, names, accounts, concurrency.

use std::collections::HashSet;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use dmabuf_heap::{
    AllocateError, ByteAllocator, Contiguity, CpuUse, DmaBuf, FindError, Fourcc, Frame,
    FrameLayout, Heap, LayoutRequest, Modifier, PixelFormat, PlaneLayout, Pool, Registry,
};
use dmaheap_tests::census::{self, Census};
use dmaheap_tests::trace::Recorder;

/// A page, and one block of the largest order that the system heap takes from the kernel.
const LENGTHS: [u64; 2] = [4096, 1 << 20];

fn request() -> LayoutRequest {
    LayoutRequest::new(Fourcc::NV12, 362, 242).cpu(CpuUse::ReadWrite)
}

fn names(registry: &Registry) -> Vec<String> {
    let allocators = registry.allocators();
    allocators
        .iter()
        .map(|allocator| allocator.name().to_owned())
        .collect()
}

/// A frame of one row in each of these bytes: R8 has no structure.
fn bytes_frame(dmabuf: DmaBuf) -> Frame {
    let width = u32::try_from(dmabuf.len()).expect("a small buffer");
    let layout = FrameLayout::linear(Fourcc::R8, width, 1, 1).expect("one row");
    Frame::new(layout, &[Arc::new(dmabuf)]).expect("the buffer holds its row")
}

fn content(frame: &Frame, plane: usize) -> Vec<u8> {
    let len = usize::try_from(frame.layout().planes()[plane].len).expect("it is mapped");
    let mut bytes = vec![0; len];
    let mapping = frame.map().expect("heap memory can be mapped");
    let access = mapping.read().expect("reading begins");
    access
        .read_plane(plane, &mut bytes)
        .expect("the slice has the size of the plane");
    access.finish().expect("reading ends");
    bytes
}

fn fill(frame: &Frame, byte: u8) {
    let mut mapping = frame.map().expect("heap memory can be mapped");
    let mut access = mapping.write().expect("writing begins");
    for plane in 0..frame.layout().planes().len() {
        access.fill_plane(plane, byte).expect("the plane exists");
    }
    access.finish().expect("writing ends");
}

#[test]
fn the_machine_has_two_heaps_and_udmabuf_and_one_name_is_an_alias() {
    let registry = Registry::discover();
    assert_eq!(
        names(&registry),
        ["system", "default_cma_region", "udmabuf"]
    );
    assert!(
        registry.unavailable().is_empty(),
        "{:?}",
        registry.unavailable()
    );
    assert_eq!(registry.aliases("default_cma_region"), ["reserved"]);
    let contiguity = |name| registry.find(name).unwrap().capabilities().contiguity;
    assert_eq!(contiguity("system"), Contiguity::Scattered);
    assert_eq!(contiguity("reserved"), Contiguity::Contiguous);
}

/// The claim behind the alias: what one name gives out is missing at the other.
#[test]
fn both_names_of_the_default_area_share_its_memory() {
    let census = Census::take();
    let default = Heap::open("/dev/dma_heap/default_cma_region").unwrap();
    let alias = Heap::open("/dev/dma_heap/reserved").unwrap();
    let mut held = Vec::new();
    for len in [8 << 20, 1 << 20, 64 << 10, 4096] {
        while let Ok(dmabuf) = default.allocate_bytes(len) {
            held.push(dmabuf);
        }
    }
    let held_bytes: u64 = held.iter().map(DmaBuf::len).sum();
    assert!(
        held_bytes > 16 << 20,
        "only {held_bytes} bytes could be had"
    );

    let error = alias.allocate_bytes(4096).unwrap_err();
    assert!(
        matches!(error, AllocateError::NoMemory { len: 4096, .. }),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("reserved") && text.contains("KiB of contiguous memory are free"),
        "{text}"
    );

    held.clear();
    alias.allocate_bytes(1 << 20).expect("the memory came back");
    drop((default, alias));
    census.expect_restored("exhausting the area");
}

#[test]
fn memory_comes_back_zeroed() {
    let registry = Registry::discover();
    for allocator in registry.allocators() {
        for len in LENGTHS {
            let make = || bytes_frame(allocator.as_bytes().unwrap().allocate_bytes(len).unwrap());
            let dirty: Vec<_> = (0..32).map(|_| make()).collect();
            for frame in &dirty {
                fill(frame, 0xff);
            }
            drop(dirty);
            let again: Vec<_> = (0..32).map(|_| make()).collect();
            for frame in &again {
                let is_zero = content(frame, 0).iter().all(|&byte| byte == 0);
                assert!(
                    is_zero,
                    "{} gave {len} bytes of old memory",
                    allocator.name()
                );
            }
        }
    }
}

#[test]
fn lengths_are_rounded_up_to_pages_and_nothing_is_no_length() {
    let registry = Registry::discover();
    for allocator in registry.allocators() {
        let bytes = allocator.as_bytes().unwrap();
        assert_eq!(
            bytes.allocate_bytes(12_345).unwrap().len(),
            16_384,
            "{}",
            allocator.name()
        );
        let error = bytes.allocate_bytes(0).unwrap_err();
        assert!(error.to_string().contains("os error 22"), "{error}");
    }
}

#[test]
fn buffers_are_open_for_writing_closed_on_exec_and_named() {
    let registry = Registry::discover();
    for allocator in registry.allocators() {
        let frame = allocator.allocate(&request()).unwrap();
        let fd = frame.dmabuf(0).as_fd();
        let flags = rustix::fs::fcntl_getfl(fd).unwrap();
        assert!(flags.contains(rustix::fs::OFlags::RDWR), "{flags:?}");
        let fd_flags = rustix::io::fcntl_getfd(fd).unwrap();
        assert!(
            fd_flags.contains(rustix::io::FdFlags::CLOEXEC),
            "{}",
            allocator.name()
        );
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
        assert!(info.contains("dmaheap NV12 362x242"), "{info}");
        frame
            .dmabuf(0)
            .set_name("a name that is longer than the kernel takes")
            .unwrap();
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
        assert!(info.contains("a name that is longer than the \n"), "{info}");
    }
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

#[test]
fn a_frame_larger_than_the_machine_is_refused_with_numbers() {
    let registry = Registry::discover();
    let huge = LayoutRequest::new(Fourcc::NV12, 65_536, 65_536);
    for allocator in registry.allocators() {
        let error = allocator.allocate(&huge).unwrap_err();
        assert!(
            matches!(
                error,
                AllocateError::NoMemory {
                    len: 6_442_450_944,
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains(allocator.name()), "{error}");
    }
    let text = registry.first_working(&huge).unwrap_err().to_string();
    for name in names(&registry) {
        assert!(
            text.contains(&format!("allocator {name} has no 6442450944 bytes left")),
            "{text}"
        );
    }
}

#[test]
fn first_working_falls_through_to_what_has_room() {
    let registry = Registry::discover();
    let (allocator, _frame, why) = registry.first_working(&request()).unwrap();
    assert_eq!(allocator.name(), "system", "{why}");
    registry.unregister("system").unwrap();
    let beyond_the_area = LayoutRequest::new(Fourcc::XRGB8888, 8192, 8192);
    let (allocator, _frame, why) = registry.first_working(&beyond_the_area).unwrap();
    assert_eq!(allocator.name(), "udmabuf", "{why}");
    assert!(
        why.contains("passed over: allocator default_cma_region has no 268435456 bytes"),
        "{why}"
    );
}

#[test]
fn the_limit_of_udmabuf_is_named() {
    const LIMIT: &str = "/sys/module/udmabuf/parameters/size_limit_mb";
    let before = fs::read_to_string(LIMIT).unwrap();
    let registry = Registry::discover();
    let udmabuf = registry.find("udmabuf").unwrap();
    let bytes = udmabuf.as_bytes().unwrap();
    fs::write(LIMIT, "1").unwrap();
    let max_len = bytes.capabilities().max_len;
    let fits = bytes.allocate_bytes(1 << 20).map(drop);
    let beyond = bytes.allocate_bytes((1 << 20) + 1);
    fs::write(LIMIT, before.trim()).unwrap();
    assert_eq!(max_len, Some(1 << 20));
    fits.unwrap();
    let text = beyond.unwrap_err().to_string();
    assert!(
        text.contains("at most 1048576 bytes") && text.contains("size_limit_mb"),
        "{text}"
    );
}

/// Runs itself once more as the user nobody, who may open nothing.
#[test]
fn a_user_without_permission_is_told_the_udev_rule() {
    const NOBODY: u32 = 65_534;
    if rustix::process::geteuid().is_root() {
        let outcome = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_user_without_permission_is_told_the_udev_rule"])
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
            .unwrap();
        let output = String::from_utf8_lossy(&outcome.stdout);
        assert!(
            outcome.status.success() && output.contains("1 passed"),
            "{output}"
        );
        return;
    }
    let registry = Registry::discover();
    assert!(registry.allocators().is_empty(), "{registry:?}");
    let error = registry.find("system").unwrap_err();
    assert!(matches!(error, FindError::Unavailable(_)), "{error}");
    let text = registry.first_working(&request()).unwrap_err().to_string();
    for part in [
        "no permission to open system (/dev/dma_heap/system, mode 0600 of user 0 and group 0)",
        "SUBSYSTEM==\"dma_heap\", KERNEL==\"system\", GROUP=\"video\", MODE=\"0660\"",
        "SUBSYSTEM==\"misc\", KERNEL==\"udmabuf\"",
        "os error 13",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}
