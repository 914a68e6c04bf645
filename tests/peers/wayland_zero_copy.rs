//! No copy on the way to a compositor, proven from outside: by the inodes that the compositor maps to draw them.

use std::collections::{BTreeMap, BTreeSet};

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{Format, NV12, Naming, XRGB8888};
use dmaheap_tests::note;
use dmaheap_tests::trace::{Action, Trace};
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::watched::{expect_unmapped, own, play};
use dmaheap_tests::weston::{Renderer, Weston};

const SIZE: (u32, u32) = (320, 180);
/// Frames that a sink takes at least; it drops those that are late, as most are on a busy machine.
const SHOWN: u64 = 60;

/// What the compositor maps of a buffer of two planes, each once.
const PER_IMPORT: usize = 2;
/// More than a camera and a sink need for 260 frames.
const BUFFERS: usize = 8;

/// What a streaming thread may call: the camera, others to wake them, and the compositor's socket, which never blocks.
const STREAMING: [&str; 12] = [
    "VIDIOC_DQBUF",
    "VIDIOC_QBUF",
    "VIDIOC_DQEVENT",
    "futex",
    "futex wait",
    "ppoll",
    "poll",
    "write",
    "read",
    "madvise",
    "recvmsg",
    "sendmsg",
];

/// The dma-bufs that the compositor has mapped to draw them.
fn drawn(trace: &Trace, weston: &Weston) -> BTreeSet<u64> {
    trace.of_process(weston.pid()).mapped()
}

/// How often it has mapped each.
fn mappings(trace: &Trace, weston: &Weston) -> BTreeMap<u64, usize> {
    let trace = trace.of_process(weston.pid());
    let mut mappings = BTreeMap::new();
    for event in trace.events() {
        if let Action::Map(buffer) = &event.action {
            *mappings.entry(buffer.inode).or_default() += 1;
        }
    }
    mappings
}

fn sink(weston: &Weston) -> String {
    format!("dmaheapwaylandsink name=sink display={}", weston.display())
}

fn from_camera(vivid: &Vivid, io_mode: &str, format: Format, rate: &str) -> String {
    let naming = if io_mode == "mmap" {
        Naming::Plain
    } else {
        Naming::DmaDrm
    };
    let caps = format.caps(naming, SIZE);
    let source = format!("{} name=camera io-mode={io_mode}", vivid.source());
    format!("{source} ! {caps},framerate={rate}")
}

#[test]
fn the_compositor_reads_the_very_memory_that_the_camera_wrote() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let source = from_camera(&vivid, "dmabuf-import", NV12, "60/1");
    let description = format!("{source} ! {} zero-copy=required", sink(&weston));
    let (trace, account) = play(&description, |player| {
        Account::wait(player, "sink", "frames", SHOWN)
    });
    let (queued, made, shown) = (
        own(&trace).queued(),
        own(&trace).exported(),
        drawn(&trace, &weston),
    );
    note(format!("queued {queued:?}, shown {shown:?}, {account:?}"));
    assert!(
        queued.is_subset(&made) && shown.is_subset(&made),
        "{made:?}"
    );
    assert!(queued.intersection(&shown).count() >= 2);
    expect_unmapped(&trace, &queued);
    // Which frame is drawn first, and when, is the compositor's choice; that it is given each buffer once is ours.
    let mappings = mappings(&trace, &weston);
    note(format!("{mappings:?}"));
    let most = mappings.values().max().copied().unwrap_or(0);
    assert!(most <= PER_IMPORT, "the same buffer again: {mappings:?}");
    assert!(shown.len() <= BUFFERS, "ever new buffers: {mappings:?}");
    assert_eq!(account.counts(["copies", "foreign"]), [0, 0]);
}

#[test]
fn one_frame_is_on_a_display_and_on_a_compositor_at_once() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let source = from_camera(&vivid, "dmabuf-import", NV12, "30/1");
    let branches = format!(
        "t. ! queue ! {} zero-copy=required \
         t. ! queue ! dmaheapkmssink name=screen driver-name=vkms zero-copy=required",
        sink(&weston)
    );
    let description = format!("{source} ! dmaheapalloc ! tee name=t {branches}");
    let (trace, accounts) = play(&description, |player| {
        ["sink", "screen"].map(|name| Account::wait(player, name, "frames", SHOWN))
    });
    let (queued, scanned_out, shown) = (
        own(&trace).queued(),
        own(&trace).imported(),
        drawn(&trace, &weston),
    );
    note(format!(
        "queued {queued:?}, scanned out {scanned_out:?}, drawn {shown:?}"
    ));
    let on_both = &(&queued & &scanned_out) & &shown;
    assert!(on_both.len() >= 2, "{on_both:?} are on both");
    expect_unmapped(&trace, &queued);
    for account in accounts {
        assert_eq!(account.count("copies"), 0, "{account:?}");
    }
}

#[test]
fn the_streaming_thread_never_waits_for_the_compositor_in_the_steady_state() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let source = from_camera(&vivid, "dmabuf-import", NV12, "60/1");
    // Without the clock, every wait that is left is one for the camera or for somebody else.
    let description = format!("{source} ! {} sync=false", sink(&weston));
    let (trace, commits) = play(&description, |player| {
        Account::wait(player, "sink", "commits", SHOWN).count("commits")
    });
    let steady = own(&trace.between_frames(50, 250));
    for thread in steady.threads() {
        note(format!("{thread}: {:?}", steady.of_thread(&thread).calls()));
    }
    note(format!("{commits} pictures sent"));
    assert!(steady.calls().contains_key("sendmsg"), "somebody sends");
    let streaming = steady.of_thread("camera:src").calls();
    let count = |name: &str| streaming.get(name).copied().unwrap_or(0);
    let strangers: Vec<_> = streaming
        .iter()
        .filter(|(name, _count)| !STREAMING.contains(&name.as_str()))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?} in {streaming:?}");
    // The source waits for the camera, once for each frame; nobody waits for a second thing, but for a lock now and then.
    assert_eq!(count("VIDIOC_DQBUF"), 200);
    assert!(count("ppoll") + count("poll") <= 220, "{streaming:?}");
    // A lock that another thread has just then, which a busy host makes more likely; whoever waited for the compositor would
    // wait for each frame.
    assert!(count("futex wait") <= 100, "{streaming:?}");
}

#[test]
fn a_forced_copy_shows_in_the_trace_and_in_the_stats() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let source = from_camera(&vivid, "mmap", XRGB8888, "60/1");
    let description = format!(
        "{source} ! identity drop-allocation=true ! {}",
        sink(&weston)
    );
    let (trace, account) = play(&description, |player| {
        Account::wait(player, "sink", "copies", SHOWN)
    });
    note(format!("{account:?}"));
    let (written, shown) = (own(&trace).mapped(), drawn(&trace, &weston));
    assert!(
        !shown.is_empty() && shown.is_subset(&written),
        "a copy needs a mapping: written {written:?}, drawn {shown:?}"
    );
}
