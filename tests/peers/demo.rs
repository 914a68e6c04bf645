//! The demonstration itself: a camera on a display, with the table that says what path its frames took.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::command::{Outcome, Run, Running};
use dmaheap_tests::machine::Machine;
use dmaheap_tests::picture::{Picture, Rect};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::weston::{Renderer, Weston};
use dmaheap_tests::{note, vkms, wait};

const SIZE: (u32, u32) = (1280, 720);
/// As large as an emulated machine without a GPU draws at a pleasant rate.
const WINDOW: (u32, u32) = (640, 360);

/// The table at the end: the name of a row, then what is left of the line.
fn table(outcome: &Outcome) -> BTreeMap<String, String> {
    let row = |line: &str| {
        let (name, value) = line.split_once("  ")?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    outcome
        .stdout
        .lines()
        .chain(outcome.stderr.lines())
        .filter_map(row)
        .collect()
}

#[track_caller]
fn cell<'a>(table: &'a BTreeMap<String, String>, outcome: &Outcome, name: &str) -> &'a str {
    table
        .get(name)
        .unwrap_or_else(|| panic!("no row {name}: {}", outcome.describe()))
}

#[test]
fn the_demo_shows_the_camera_without_a_copy() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::Counters);
    let before = Machine::now();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("kms.png");
    let outcome = Run::new("dmaheap-demo")
        .args(["view", "--seconds", "3", "--size", "1280x720", "--snapshot"])
        .arg(&path)
        .finish()
        .expect_success();
    let table = table(&outcome);
    let frames: u64 = cell(&table, &outcome, "frames")
        .parse()
        .expect("a number of frames");
    assert!(frames >= 2, "{}", outcome.describe());
    assert_eq!(
        cell(&table, &outcome, "copies"),
        "0",
        "{}",
        outcome.describe()
    );
    assert!(
        cell(&table, &outcome, "heap").contains("system"),
        "{}",
        outcome.describe()
    );
    for row in ["dropped", "latency"] {
        cell(&table, &outcome, row);
    }
    expect_bars(&vivid, &path);
    before.expect_restored();
}

/// 1280 pixels do not fit on vkms' 1024, and it cannot scale: the middle shows.
#[track_caller]
fn expect_bars(vivid: &Vivid, path: &Path) {
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let source = format!("{} ! {}", vivid.source(), NV12.caps(Naming::Plain, SIZE));
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    let (shown, reference) = vkms::visible(&Picture::read_png(path), &reference);
    // The counter, as far as the middle of the picture shows it.
    let lost = (SIZE.0 - vkms::MODE.0) / 2;
    let Rect { y, height, .. } = Vivid::COUNTER;
    let mask = [Rect {
        x: 0,
        y,
        width: Vivid::COUNTER.x + Vivid::COUNTER.width - lost,
        height,
    }];
    let difference = shown.difference(&reference, &mask);
    shown.keep("kms");
    assert!(difference.is_within(3, 1.0), "{difference:?}");
}

#[test]
fn the_demo_opens_a_window_where_a_compositor_runs() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::Counters);
    let caps = NV12.caps(Naming::Plain, WINDOW);
    let source = format!("{} ! {caps}", vivid.source());
    let reference = Picture::by_videoconvert(&source, 1, WINDOW.0, WINDOW.1);
    let weston = Weston::start(Renderer::Gl, WINDOW);
    let run = Run::new("dmaheap-demo").args(["view", "--size", "640x360"]);
    let demo = weston.client(run).start();
    let shown = weston.shown();
    // It goes on as long as it is let.
    let mut last = shown.clone();
    for _ in 0..3 {
        last = weston.wait_changed(Vivid::COUNTER, &last);
    }
    demo.interrupt();
    let outcome = demo.finish().expect_success();
    let difference = shown.difference(&reference, &[Vivid::COUNTER]);
    // Two decoders of YUV, each of which rounds.
    assert!(difference.is_within(3, 1.5), "{difference:?}");
    let table = table(&outcome);
    let frames: u64 = cell(&table, &outcome, "frames")
        .parse()
        .expect("a number of frames");
    let copies = cell(&table, &outcome, "copies");
    // Four pictures with four counters.
    assert!(frames >= 4 && copies == "0", "{}", outcome.describe());
}

#[test]
fn the_demo_ends_cleanly_on_ctrl_c() {
    let vivid = Vivid::find();
    let before = Machine::now();
    let demo: Running = Run::new("dmaheap-demo")
        .args(["view", "--device", &vivid.node()])
        .start();
    let shows = || (vkms::card().framebuffers().len() > before.framebuffers.len()).then_some(());
    assert!(
        wait::until(Duration::from_secs(20), shows).is_some(),
        "{}",
        demo.output()
    );
    demo.interrupt();
    let outcome = demo.finish().expect_success();
    assert!(
        table(&outcome).contains_key("frames"),
        "{}",
        outcome.describe()
    );
    before.expect_restored();
}

#[test]
fn the_demo_names_a_camera_and_a_heap_that_do_not_exist() {
    for (args, name) in [
        (["--device", "/dev/video99"], "/dev/video99"),
        (["--heap", "nosuch"], "nosuch"),
    ] {
        let outcome = Run::new("dmaheap-demo")
            .args(["view", "--seconds", "1"])
            .args(args)
            .finish()
            .expect_failure();
        assert!(outcome.stderr.contains(name), "{}", outcome.describe());
        assert!(
            !outcome.stderr.contains("panicked"),
            "{}",
            outcome.describe()
        );
    }
}

/// What `view --process` is told, and what shall come of it.
struct Work {
    steps: &'static str,
    backend: &'static str,
    /// Who does it, in the table.
    by: &'static str,
    format: &'static str,
    size: (u32, u32),
    /// What peers do instead.
    peers: &'static str,
    shown: (u32, u32),
    /// How far a pixel and the mean of all may be from theirs.
    tolerance: (u8, f64),
}

#[track_caller]
fn expect_work(vivid: &Vivid, work: &Work) {
    let (width, height) = work.size;
    let source = format!(
        "{} ! video/x-raw,format={},width={width},height={height}",
        vivid.source(),
        work.format
    );
    let by_peers = |peers: &str| {
        let (width, height) = work.shown;
        let scale = format!("videoscale ! video/x-raw,width={width},height={height}");
        Picture::by_videoconvert(&format!("{source} ! {peers} ! {scale}"), 1, width, height)
    };
    let (reference, untouched) = (by_peers(work.peers), by_peers("identity"));
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("processed.png");
    let outcome = Run::new("dmaheap-demo")
        .args(["view", "--seconds", "3", "--fps", "15", "--size"])
        .arg(format!("{width}x{height}"))
        .args(["--format", work.format, "--process", work.steps])
        .args(["--backend", work.backend, "--snapshot"])
        .arg(&path)
        .finish()
        .expect_success();
    let table = table(&outcome);
    let process = cell(&table, &outcome, "process");
    for part in [work.by, "reads the camera's memory", "0 re-attachments"] {
        assert!(process.contains(part), "{part}: {}", outcome.describe());
    }
    let frames = cell(&table, &outcome, "frames").parse::<u64>();
    assert!(frames.is_ok_and(|it| it >= 2), "{}", outcome.describe());
    assert_eq!(cell(&table, &outcome, "copies"), "0");
    let (max, mean) = work.tolerance;
    let is_near = |shown: &Picture, other: &Picture| {
        let difference = shown.difference(other, &[]);
        note(format!(
            "{} by {}: {difference:?}",
            work.steps, work.backend
        ));
        difference.is_within(max, mean)
    };
    let shown = Picture::read_png(&path).crop(vkms::centred(work.shown.0, work.shown.1));
    if !is_near(&shown, &reference) {
        shown.keep(&format!("process-{}-shown", work.backend));
        reference.keep(&format!("process-{}-reference", work.backend));
        panic!("{}", outcome.describe());
    }
    assert!(!is_near(&shown, &untouched), "a picture that shows no work");
}

#[test]
fn the_demo_works_on_the_picture_by_the_backend_that_was_asked_for() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    expect_work(
        &vivid,
        &Work {
            steps: "flip,scale=320x180",
            backend: "cpu",
            by: "the CPU",
            format: "BGRx",
            size: (640, 360),
            peers: "videoflip video-direction=vert",
            shown: (320, 180),
            // Each scaler has its own idea of where a pixel is.
            tolerance: (255, 4.0),
        },
    );
    expect_work(
        &vivid,
        &Work {
            steps: "flip,format=RGB16",
            backend: "m2m",
            by: "vim2m",
            format: "RGB",
            size: (320, 240),
            peers: "videoflip video-direction=vert",
            shown: (320, 240),
            // 16 bits have no room for more.
            tolerance: (8, 4.0),
        },
    );
}

#[test]
fn the_demo_names_work_that_it_does_not_know_and_work_that_nobody_does() {
    for (args, parts) in [
        (
            ["--process", "flip,wobble", "--backend", "cpu"],
            ["wobble", "rotate=90"],
        ),
        (["--process", "flip", "--backend", "gpu"], ["gpu", "m2m"]),
        (
            ["--process", "crop=4000x20", "--backend", "cpu"],
            ["4000x20", "1280x720"],
        ),
        (
            ["--process", "rotate=90,format=RGB16", "--backend", "m2m"],
            ["vim2m", "rotate"],
        ),
    ] {
        let outcome = Run::new("dmaheap-demo")
            .args(["view", "--seconds", "1"])
            .args(args)
            .finish()
            .expect_failure();
        for part in parts {
            assert!(
                outcome.stderr.contains(part),
                "{part}: {}",
                outcome.describe()
            );
        }
        assert!(
            !outcome.stderr.contains("panicked"),
            "{}",
            outcome.describe()
        );
    }
}
