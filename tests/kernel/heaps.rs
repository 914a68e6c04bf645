//! The allocators of this machine do what `dmabuf-heap` says of them.
//!
//! Follows the kernel's own tests of heaps and udmabuf (`tools/testing/selftests/{dmabuf-heaps,drivers/dma-buf}`) as far
//! as they can be put through this API, and adds what those leave out: leaks, exhaustion, names, accounts, concurrency.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use dmabuf_heap::{
    AllocateError, ByteAllocator, Contiguity, CpuUse, DmaBuf, FindError, Fourcc, Frame,
    FrameLayout, Heap, LayoutRequest, Registry,
};
use dmaheap_tests::census::Census;
use dmaheap_tests::content::{content, fill};

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
