//! The ground under the Wayland tests: the unmodified `waylandsink` on an unmodified compositor, seen by the instruments of this crate.

use std::time::Duration;

use dmaheap_tests::caps::{Format, NV12, Naming, XRGB8888, YUYV};
use dmaheap_tests::command::Run;
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::{CallRate, Recorder, Trace};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::weston::{Renderer, Weston};

const SIZE: (u32, u32) = (640, 360);
const SMALL: (u32, u32) = (320, 180);

/// Camera to compositor, by dma-bufs that the camera exports: slowly and without the clock, so that no frame is late.
fn pipeline(vivid: &Vivid, format: &Format, size: (u32, u32), buffers: &str) -> String {
    let caps = format.caps(Naming::DmaDrm, size);
    format!(
        "{} io-mode=dmabuf {buffers} ! {caps},framerate=15/1 ! waylandsink sync=false",
        vivid.source()
    )
}

/// The stock sink gives up on a dma-buf that the compositor has not taken within a second, as one that compiles its first shaders on
/// an emulated machine may not, and its connection is broken from then on: two more attempts.
const ATTEMPTS: usize = 3;

/// What the compositor shows of the stock sink.
#[track_caller]
fn shown(weston: &Weston, pipeline: &str) -> Picture {
    const PATIENCE: Duration = Duration::from_secs(15);
    let mut pictures = (0..ATTEMPTS).filter_map(|_attempt| {
        weston.wait_bare();
        let player = Player::launch(&format!("{pipeline} display={}", weston.display()));
        player.play();
        player.wait_frames(5);
        weston.shown_within(PATIENCE)
    });
    pictures
        .next()
        .unwrap_or_else(|| panic!("{ATTEMPTS} times, {pipeline} shows nothing"))
}

#[test]
fn the_compositor_shows_what_the_stock_sink_is_given() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SIZE);
    assert_eq!(weston.version("zwp_linux_dmabuf_v1"), Some(3));
    vivid.show(Pattern::Colorbar75, OsdText::None);
    for format in [NV12, YUYV, XRGB8888] {
        let source = format!("{} ! {}", vivid.source(), format.caps(Naming::Plain, SIZE));
        let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
        let shown = shown(&weston, &pipeline(&vivid, &format, SIZE, ""));
        let difference = shown.difference(&reference, &[]);
        note(format!("{}: {difference:?}", format.drm));
        if !difference.is_within(3, 1.0) {
            shown.keep(&format!("waylandsink-{}", format.drm));
        }
        assert!(
            difference.is_within(3, 1.0),
            "{}: {difference:?}",
            format.drm
        );
    }
}

#[test]
fn the_trace_finds_the_memory_of_the_camera_in_the_compositor() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SMALL);
    let pipeline = format!("-q {}", pipeline(&vivid, &NV12, SMALL, "num-buffers=60"));
    let mut attempts = (0..ATTEMPTS).map(|_attempt| {
        let recorder = Recorder::start();
        let running = weston.client(Run::pipeline(&pipeline)).start();
        let process = running.pid();
        (running.finish(), recorder.finish(), process)
    });
    let played = attempts.find(|(outcome, ..)| outcome.status.success());
    let (_outcome, trace, process) = played.expect("the stock sink plays");
    let (client, compositor) = (trace.of_process(process), trace.of_process(weston.pid()));
    note(format!("{:?}", compositor.mapped()));
    assert!(!compositor.mapped().is_empty());
    assert!(compositor.mapped().is_subset(&client.exported()));
    assert_eq!(
        client.mapped(),
        [].into(),
        "the client itself touches no pixel"
    );
}

/// The measure that a sink of ours is held against.
#[test]
fn the_calls_of_the_stock_sink_are_counted_by_thread() {
    let vivid = Vivid::find();
    let weston = Weston::start(Renderer::Gl, SMALL);
    let record = |frames: u32| -> Trace {
        let buffers = format!("num-buffers={frames}");
        let run = Run::pipeline(&format!("-q {}", pipeline(&vivid, &NV12, SMALL, &buffers)));
        Recorder::record(weston.client(run).limit(Duration::from_mins(1))).1
    };
    let (short, long) = (record(60), record(260));
    let rate = CallRate::between(&short, &long);
    let threads = CallRate::by_thread(&short, &long);
    note(format!("{rate:?}\n{threads:#?}"));
    let steady = long.between_frames(50, 250);
    for thread in steady.threads() {
        note(format!("{thread}: {:?}", steady.of_thread(&thread).calls()));
    }
    assert!(rate.calls > 6.0 && rate.calls < 16.0, "{rate:?}");
    let sum: f64 = threads.values().map(|rate| rate.calls).sum();
    assert!(
        (sum - rate.calls).abs() < 0.5,
        "{sum} by thread, {} in all",
        rate.calls
    );
    assert!(
        steady
            .of_thread("v4l2src0:src")
            .calls()
            .contains_key("VIDIOC_DQBUF")
    );
}

#[test]
fn pixman_offers_no_dma_bufs_and_shows_shared_memory() {
    let weston = Weston::start(Renderer::Pixman, SMALL);
    assert_eq!(weston.version("zwp_linux_dmabuf_v1"), None);
    assert!(weston.version("wl_shm").is_some());
    let source =
        "videotestsrc pattern=smpte75 ! video/x-raw,format=BGRx,width=320,height=180,framerate=5/1";
    let reference = Picture::by_videoconvert(source, 2, SMALL.0, SMALL.1);
    let player = Player::launch(&format!(
        "{source} ! waylandsink display={}",
        weston.display()
    ));
    player.play();
    player.wait_frames(2);
    let difference = weston.shown().difference(&reference, &[]);
    assert!(difference.is_within(0, 0.0), "{difference:?}");
}

#[test]
fn a_killed_compositor_is_gone_for_its_clients() {
    let weston = Weston::start(Renderer::Pixman, SMALL);
    let client = weston.client(Run::new("weston-simple-shm")).start();
    let _window = weston.shown();
    weston.kill();
    let ended = client.finish();
    assert!(!ended.timed_out, "{}", ended.describe());
    let later = weston.client(Run::new("wayland-info")).finish();
    assert!(!later.status.success(), "{}", later.describe());
}
