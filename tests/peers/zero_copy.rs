//! No copy, proven from outside: by inodes in the kernel's trace, between frames 50 and 250.

use std::collections::BTreeSet;

use dmaheap_tests::caps::{NV12, Naming, XRGB8888};
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Trace;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::watched::{self, FRAMES, own};

const SIZE: (u32, u32) = (640, 360);
/// All, but the one that has reached the sink just then.
const SHOWN: u64 = FRAMES - 1;
/// Frames on screen, on the way there, and before that.
const HELD: u64 = 3;

// None of these sinks waits for the clock. The base class drops what is late, and a buffer whose frames are all late is
// first imported when one is not: on a busy machine, long after the start.
const SINK: &str = "dmaheapkmssink driver-name=vkms sync=false";
const PEER: &str = "kmssink driver-name=vkms sync=false";

/// Calls that a frame in the steady state has no use for: memory, imports and files are settled.
const ONCE: [&str; 14] = [
    "DMA_HEAP_IOCTL_ALLOC",
    "DRM_IOCTL_PRIME_FD_TO_HANDLE",
    "DRM_IOCTL_GEM_CLOSE",
    "DRM_IOCTL_MODE_ADDFB2",
    "DRM_IOCTL_MODE_RMFB",
    "DRM_IOCTL_MODE_CLOSEFB",
    "DMA_BUF_IOCTL_SYNC",
    "VIDIOC_EXPBUF",
    "fstat",
    "newfstatat",
    "statx",
    "dup",
    "dup3",
    "fcntl",
];

/// What this process did to play; `look` reads the element's own account at the end.
#[track_caller]
fn trace<T>(description: &str, look: impl FnOnce(&Player) -> T) -> (Trace, T) {
    let (trace, seen) = watched::play(description, look);
    (own(&trace), seen)
}

#[track_caller]
fn expect_settled(trace: &Trace) {
    let steady = trace.between_frames(50, 250);
    let calls = steady.calls();
    note(format!("{calls:?}"));
    let spent: Vec<_> = ONCE
        .into_iter()
        .filter_map(|name| Some((name, *calls.get(name)?)))
        .collect();
    assert!(
        spent.is_empty(),
        "in 200 frames of the steady state: {spent:?}"
    );
    // At the ends of the interval those that are held may be given back on the one side or the other.
    let queued = calls.get("VIDIOC_QBUF").copied().unwrap_or(0);
    assert!(
        queued.abs_diff(200) <= HELD,
        "one QBUF for each frame: {calls:?}"
    );
    assert!(
        steady.exported().is_empty() && steady.imported().is_empty() && steady.mapped().is_empty()
    );
}

/// Nothing maps these dma-bufs once frames flow. Before that, the negotiation looks into two trial frames: whether the
/// kernel gives the camera a copy of them.
#[track_caller]
fn expect_unmapped(trace: &Trace, dmabufs: &BTreeSet<u64>) {
    watched::expect_unmapped(trace, dmabufs);
    let looked_into = trace.mapped().intersection(dmabufs).count();
    assert!(looked_into <= 2, "{looked_into} were mapped at the start");
}

#[test]
fn the_display_reads_the_very_memory_that_the_camera_wrote() {
    let vivid = Vivid::find();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let pipeline = format!(
        "{} io-mode=dmabuf-import ! {caps},framerate=60/1 ! {SINK}",
        vivid.source()
    );
    let names = ["frames", "imported", "copies", "imports", "allocations"];
    let (trace, counts) = trace(&pipeline, |player| player.stats("dmaheapkmssink", names));
    let (queued, imported) = (trace.queued(), trace.imported());
    assert!(!queued.is_empty(), "nothing was queued as dma-buf");
    // A trial frame was imported before it was needed, and may stay a spare.
    assert!(
        queued.is_subset(&imported) && imported.len() <= queued.len() + 1,
        "queued at vivid {queued:?}, imported by vkms {imported:?}"
    );
    assert!(
        imported.is_subset(&trace.exported()),
        "{imported:?} was not made here"
    );
    expect_unmapped(&trace, &queued);
    expect_settled(&trace);
    let [frames, from_pool, copies, imports, allocations] = counts;
    assert!(
        frames >= SHOWN && frames.abs_diff(from_pool) <= 1 && copies == 0,
        "{counts:?}"
    );
    assert_eq!(
        imports,
        imported.len() as u64,
        "imports as counted by the sink"
    );
    // The negotiation also shows the camera a frame in pieces, of udmabuf, which is no buffer of the pool.
    assert_eq!(
        allocations,
        trace.exported_by("system").len() as u64,
        "allocations as counted by the sink"
    );
}

#[test]
fn heap_memory_reaches_the_peers_display_unmapped() {
    let vivid = Vivid::find();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let source = format!(
        "{} io-mode=dmabuf-import ! {caps},framerate=60/1",
        vivid.source()
    );
    let pipeline = format!("{source} ! dmaheapalloc zero-copy=required ! {PEER}");
    let (trace, copies) = trace(&pipeline, |player| player.stat("dmaheapalloc", "copies"));
    assert_eq!(copies, 0);
    let (queued, imported) = (trace.queued(), trace.imported());
    // The peer imports what it shows; a buffer that joined with the last frames may not have been shown.
    assert!(
        !imported.is_empty() && imported.is_subset(&queued) && queued.len() <= imported.len() + 1,
        "queued at vivid {queued:?}, imported by vkms {imported:?}"
    );
    expect_unmapped(&trace, &queued);
    expect_settled(&trace);
}

#[test]
fn exports_of_the_camera_reach_the_display_unmapped() {
    let vivid = Vivid::find();
    let caps = NV12.caps(Naming::DmaDrm, SIZE);
    let source = format!("{} ! {caps},framerate=60/1", vivid.source());
    let rest = format!("dmaheapalloc zero-copy=required ! {SINK} zero-copy=required");
    let (trace, foreign) = trace(&format!("{source} ! {rest}"), |player| {
        player.stat("dmaheapkmssink", "foreign")
    });
    assert!(foreign >= SHOWN, "{foreign} foreign frames");
    assert!(!trace.imported().is_empty() && trace.imported().is_subset(&trace.exported()));
    assert_eq!(
        trace.queued(),
        [].into(),
        "the camera's own memory is not queued as foreign"
    );
    assert!(
        trace.mapped().is_disjoint(&trace.imported()),
        "{:?} were mapped",
        trace.mapped()
    );
    expect_settled(&trace);
}

#[test]
fn a_forced_copy_shows_in_the_trace_and_in_the_stats() {
    let vivid = Vivid::find();
    let caps = XRGB8888.caps(Naming::Plain, SIZE);
    let source = format!("{} io-mode=mmap ! {caps},framerate=60/1", vivid.source());
    let pipeline = format!("{source} ! identity drop-allocation=true ! {SINK}");
    let (trace, copies) = trace(&pipeline, |player| player.stat("dmaheapkmssink", "copies"));
    assert!(copies >= SHOWN, "{copies} copies");
    assert!(
        !trace.mapped().is_empty() && trace.imported().is_subset(&trace.mapped()),
        "a copy needs a mapping"
    );
    let syncs = trace
        .calls()
        .get("DMA_BUF_IOCTL_SYNC")
        .copied()
        .unwrap_or(0);
    assert!(
        syncs >= 2 * copies,
        "{syncs} SYNC ioctls for {copies} copies"
    );
}
