use std::fs;

use super::*;
use crate::Fourcc;
use crate::test::StandIn;

/// A machine with these heaps. Opening them works, allocating from them does not.
fn machine(heaps: &[&str], udmabuf: bool) -> (tempfile::TempDir, Registry) {
    let root = tempfile::tempdir().unwrap();
    let dev = root.path().join("dev");
    fs::create_dir_all(&dev).unwrap();
    if !heaps.is_empty() {
        fs::create_dir(dev.join("dma_heap")).unwrap();
    }
    for heap in heaps {
        fs::write(dev.join("dma_heap").join(heap), "").unwrap();
    }
    if udmabuf {
        fs::write(dev.join("udmabuf"), "").unwrap();
    }
    let registry = Registry::discover_in(&Roots::below(root.path()));
    (root, registry)
}

fn names(registry: &Registry) -> Vec<String> {
    registry
        .allocators()
        .iter()
        .map(|allocator| allocator.name().to_owned())
        .collect()
}

fn request() -> LayoutRequest {
    LayoutRequest::new(Fourcc::NV12, 1280, 720)
}

#[test]
fn preference_is_system_contiguous_others_udmabuf_registered_protected() {
    let heaps = [
        "protected,secure-video",
        "mystery",
        "video-contiguous",
        "default_cma_region",
        "system",
    ];
    let (_root, registry) = machine(&heaps, true);
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    assert_eq!(
        names(&registry),
        [
            "system",
            "default_cma_region",
            "video-contiguous",
            "mystery",
            "udmabuf",
            "mine",
            "protected,secure-video"
        ]
    );
}

#[test]
fn two_names_of_the_default_area_are_one_allocator() {
    let (_root, registry) = machine(&["default_cma_region", "reserved", "system"], false);
    assert_eq!(names(&registry), ["system", "default_cma_region"]);
    assert_eq!(registry.aliases("default_cma_region"), ["reserved"]);
    let by_alias = registry.find("reserved").unwrap();
    assert!(Arc::ptr_eq(
        &by_alias,
        &registry.find("default_cma_region").unwrap()
    ));
}

#[test]
fn an_unknown_name_is_answered_with_those_that_exist() {
    let (_root, registry) = machine(&["default_cma_region", "reserved", "system"], false);
    let text = registry.find("sytsem").unwrap_err().to_string();
    assert!(text.contains("no allocator sytsem"), "{text}");
    assert!(
        text.contains("system, default_cma_region (also reserved)"),
        "{text}"
    );
}

#[test]
fn a_machine_without_heaps_says_what_the_kernel_lacks() {
    let (_root, registry) = machine(&[], false);
    let text = registry.first_working(&request()).unwrap_err().to_string();
    assert!(text.contains("CONFIG_DMABUF_HEAPS"), "{text}");
    assert!(text.contains("os error 2"), "{text}");
    assert!(text.contains("udmabuf"), "{text}");
}

#[test]
fn a_node_that_does_not_open_is_found_as_unavailable() {
    let (root, _) = machine(&["system"], false);
    let heaps = root.path().join("dev/dma_heap");
    std::os::unix::fs::symlink("nowhere", heaps.join("reserved")).unwrap();
    let registry = Registry::discover_in(&Roots::below(root.path()));
    let error = registry.find("reserved").unwrap_err();
    assert!(matches!(&error, FindError::Unavailable(one) if one.path == heaps.join("reserved")));
    assert!(error.to_string().contains("os error 2"), "{error}");
}

#[test]
fn first_working_passes_over_those_that_fail_and_says_so() {
    let (_root, registry) = machine(&["system"], false);
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    let (allocator, frame, why) = registry.first_working(&request()).unwrap();
    assert_eq!(allocator.name(), "mine");
    assert_eq!(frame.layout(), &request().layout().unwrap());
    assert!(why.starts_with("mine: "), "{why}");
    assert!(
        why.contains("passed over: allocator system failed at DMA_HEAP_IOCTL_ALLOC"),
        "{why}"
    );
    assert!(why.contains("not available: cannot open udmabuf"), "{why}");
    let failures = registry.ledger().account("system").unwrap().failures;
    assert_eq!(failures, 1);
}

#[test]
fn the_first_choice_needs_no_excuses() {
    let registry = Registry::empty();
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    let (_, _, why) = registry.first_working(&request()).unwrap();
    assert_eq!(
        why,
        "mine: the first in order of preference that makes NV12 1280x720"
    );
}

#[test]
fn an_impossible_picture_is_no_fault_of_the_allocators() {
    let registry = Registry::empty();
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    let error = registry
        .first_working(&LayoutRequest::new(Fourcc::NV12, 0, 720))
        .unwrap_err();
    assert!(matches!(error, AllocateError::Layout(_)), "{error}");
    assert!(registry.ledger().snapshot().is_empty());
}

#[test]
fn memory_out_of_reach_of_the_cpu_is_passed_over_when_the_cpu_needs_it() {
    let (_root, registry) = machine(&["protected,secure-video"], false);
    let error = registry
        .first_working(&request().cpu(CpuUse::Read))
        .unwrap_err();
    assert!(error.to_string().contains("the CPU cannot map"), "{error}");
}

#[test]
fn names_are_unique_across_aliases() {
    let (_root, registry) = machine(&["default_cma_region", "reserved"], false);
    let error = registry
        .register(Arc::new(StandIn::new("reserved")))
        .unwrap_err();
    assert_eq!(error.name, "reserved");
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    registry.unregister("mine").unwrap();
    assert!(registry.find("mine").is_err());
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
}

#[test]
fn frames_are_accounted_until_their_last_clone_goes() {
    let registry = Registry::empty();
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    let frame = registry.find("mine").unwrap().allocate(&request()).unwrap();
    let clone = frame.clone();
    registry.unregister("mine").unwrap();
    drop(frame);
    let account = registry.ledger().account("mine").unwrap();
    assert_eq!((account.live_buffers, account.live_bytes), (1, 1_382_400));
    drop(clone);
    let account = registry.ledger().account("mine").unwrap();
    assert_eq!((account.live_buffers, account.live_bytes), (0, 0));
    assert_eq!((account.peak_buffers, account.peak_bytes), (1, 1_382_400));
    assert_eq!((account.allocations, account.failures), (1, 0));
    assert!(account.longest_allocation <= account.allocation_time);
}

#[test]
fn bytes_are_accounted_like_frames() {
    let registry = Registry::empty();
    registry.register(Arc::new(StandIn::new("mine"))).unwrap();
    let allocator = registry.find("mine").unwrap();
    let dmabuf = allocator.as_bytes().unwrap().allocate_bytes(4096).unwrap();
    assert_eq!(registry.ledger().total().live_bytes, 4096);
    drop(dmabuf);
    assert_eq!(registry.ledger().total().live_bytes, 0);
}
