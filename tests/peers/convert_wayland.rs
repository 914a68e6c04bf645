//! `dmaheapconvert` in front of a compositor: what it makes is what the output shows, in memory that nobody copied.

use dmaheap_tests::account::Account;
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::{Action, Recorder, Trace};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::weston::{Renderer, Weston};

const SIZE: (u32, u32) = (320, 240);
/// Frames of a run, and those of them in which the steady state is looked at.
const FRAMES: u64 = 100;
const STEADY: (usize, usize) = (50, 90);

/// One way through the element.
struct Way {
    /// Of the camera.
    from: &'static str,
    /// Of the compositor.
    to: &'static str,
    backend: &'static str,
    /// V4L2 buffers that are done for each frame: the camera's, and both of a device's.
    done: usize,
    /// How far a pixel and the mean of all may be from the peer's, of 255.
    tolerance: (u8, f64),
}

/// What the camera delivers, as fast as vim2m is, which takes 40 ms for a frame.
fn caps(format: &str) -> String {
    let (width, height) = SIZE;
    format!("video/x-raw,format={format},width={width},height={height},framerate=15/1")
}

/// Converts for a compositor, compares the whole picture, and looks at the steady state from outside.
#[track_caller]
fn expect_shown(way: &Way) {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    let from = caps(way.from);
    let peer = format!("{} io-mode=mmap ! {from}", vivid.source());
    let reference = Picture::by_videoconvert(&peer, 1, SIZE.0, SIZE.1);
    let weston = Weston::start(Renderer::Gl, SIZE);
    let player = Player::launch(&format!(
        "{} name=camera zero-copy=required ! {from} ! \
         dmaheapconvert name=convert backend={} zero-copy=required ! video/x-raw,format={} ! \
         dmaheapwaylandsink name=sink display={} zero-copy=required",
        vivid.own_source(),
        way.backend,
        way.to,
        weston.display()
    ));
    let recorder = Recorder::start();
    player.play();
    player.wait_frames(FRAMES);
    let [converted, shown] = ["convert", "sink"].map(|name| Account::of(&player, name));
    let trace = recorder.finish();
    let what = format!("{} to {} by {}", way.from, way.to, way.backend);
    let picture = weston.shown();
    let difference = picture.difference(&reference, &[]);
    note(format!("{what}: {difference:?}, {converted:?}"));
    let (max, mean) = way.tolerance;
    if !difference.is_within(max, mean) {
        picture.keep(&format!("convert-wayland-{}-shown", way.to));
        reference.keep(&format!("convert-wayland-{}-reference", way.to));
    }
    assert!(difference.is_within(max, mean), "{what}: {difference:?}");
    assert_eq!(
        converted.counts(["copies", "re-attachments"]),
        [0, 0],
        "{converted:?}"
    );
    assert_eq!(shown.counts(["copies", "shm-copies"]), [0, 0], "{shown:?}");
    expect_steady(&trace, way.done, &weston);
}

/// What the compositor draws was made for it, nothing is made while frames flow, and what is mapped stays mapped.
#[track_caller]
fn expect_steady(trace: &Trace, done: usize, weston: &Weston) {
    let own = trace.of_process(std::process::id());
    let drawn = trace.of_process(weston.pid()).mapped();
    assert!(
        drawn.len() >= 2 && drawn.is_subset(&own.exported()),
        "{drawn:?} of {:?}",
        own.exported()
    );
    let steady = own.between_frames(done * STEADY.0, done * STEADY.1);
    note(format!("{:?}", steady.calls()));
    assert!(steady.exported().is_empty(), "{:?}", steady.exported());
    assert_eq!(steady.count("DMA_HEAP_IOCTL_ALLOC"), 0);
    // The first picture starts the negotiation, which looks into some frames. One that lay deep in its pool may come late for
    // the first time.
    let flowing = own.between_frames(done + 1, done * STEADY.1);
    let maps = flowing
        .events()
        .iter()
        .filter_map(|event| match &event.action {
            Action::Map(buffer) => Some(buffer.inode),
            _ => None,
        });
    let maps: Vec<_> = maps.collect();
    let is_device = done > 1;
    assert!(
        maps.len() == flowing.mapped().len(),
        "mapped twice: {maps:?}"
    );
    assert_eq!(maps.is_empty(), is_device, "only the CPU maps: {maps:?}");
}

#[test]
fn what_a_device_makes_is_what_a_compositor_shows() {
    // vim2m puts ones where 16 bits have no room, a peer cuts them off: both lose up to 8 of 256.
    expect_shown(&Way {
        from: "RGB",
        to: "RGB16",
        backend: "m2m",
        done: 3,
        tolerance: (8, 4.0),
    });
}

#[test]
fn yuv_that_a_device_makes_is_what_a_compositor_shows() {
    // Two conversions that round, and a compositor that rounds again.
    expect_shown(&Way {
        from: "RGB",
        to: "YUY2",
        backend: "m2m",
        done: 3,
        tolerance: (6, 3.0),
    });
}

#[test]
fn what_the_cpu_makes_is_what_a_compositor_shows() {
    expect_shown(&Way {
        from: "YUY2",
        to: "BGRx",
        // One thread: those that wait for work to share ask the kernel for it thousands of times.
        backend: "cpu n-threads=1",
        done: 1,
        tolerance: (3, 1.5),
    });
}
