//! `PipeWire` brings dma-bufs of another process: display and compositor read them where they lie.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, OwnedFd};

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::pipewire::PipeWire;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::{Recorder, Trace};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use dmaheap_tests::weston::{Renderer, Weston};

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 20;

fn caps() -> String {
    format!("{},framerate=25/1", NV12.caps(Naming::Plain, SIZE))
}

/// The camera with a picture that does not move, and what the peer makes of it.
#[track_caller]
fn camera() -> (Vivid, Picture) {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let source = format!("{} ! {}", vivid.source(), caps());
    let reference = Picture::by_videoconvert(&source, 1, SIZE.0, SIZE.1);
    (vivid, reference)
}

/// A stream of the daemon's into `sink`, playing.
#[track_caller]
fn play(daemon: &PipeWire, connection: &OwnedFd, sink: &str) -> Player {
    let stream = "stream-properties=\"props,node.name=view,media.class=Stream/Input/Video\"";
    let fd = connection.as_raw_fd();
    let graph = format!(
        "pipewiresrc fd={fd} autoconnect=false {stream} ! {} ! {sink}",
        caps()
    );
    note(&graph);
    let player = Player::launch(&graph);
    std::thread::scope(|scope| {
        // The stream appears while the pipeline starts.
        scope.spawn(|| daemon.link_camera("view"));
        player.play();
    });
    Account::wait(&player, "sink", "frames", FRAMES);
    player
}

/// Every frame was shown in the daemon's memory, and our process looked into none of it.
#[track_caller]
fn expect_no_copy(player: &Player, trace: &Trace, exported: &BTreeSet<u64>) {
    let account = Account::of(player, "sink");
    let [frames, foreign, copies] = account.counts(["frames", "foreign", "copies"]);
    // One may be on its way.
    assert!(frames.abs_diff(foreign) <= 1 && copies == 0, "{account:?}");
    let mapped = trace.of_process(std::process::id()).mapped();
    assert!(mapped.is_disjoint(exported), "{mapped:?} were mapped here");
}

#[test]
fn frames_of_pipewire_are_shown_on_a_display_where_they_lie() {
    let (vivid, reference) = camera();
    let recorder = Recorder::start();
    let daemon = PipeWire::start(&vivid.node());
    let connection = daemon.connect();
    let sink = "dmaheapkmssink name=sink driver-name=vkms zero-copy=required";
    let player = play(&daemon, &connection, sink);
    let trace = recorder.finish();
    let exported = trace.of_process(daemon.pid()).exported();
    expect_no_copy(&player, &trace, &exported);
    // Our own pool, which the peer does not take, was tried on the display, too.
    let ours = trace.of_process(std::process::id());
    let imported = &ours.imported() - &ours.exported();
    assert!(
        !imported.is_empty() && imported.is_subset(&exported),
        "exported by the daemon {exported:?}, imported by us {imported:?}"
    );
    let screen = player.snapshot();
    let place = vkms::centred(SIZE.0, SIZE.1);
    assert!(screen.is_black_outside(place), "beside the picture");
    let difference = screen.crop(place).difference(&reference, &[]);
    assert!(difference.is_within(3, 1.0), "{difference:?}");
}

#[test]
fn frames_of_pipewire_are_shown_by_a_compositor_where_they_lie() {
    let (vivid, reference) = camera();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let recorder = Recorder::start();
    let daemon = PipeWire::start(&vivid.node());
    let connection = daemon.connect();
    let sink = format!(
        "dmaheapwaylandsink name=sink display={} zero-copy=required",
        weston.display()
    );
    let player = play(&daemon, &connection, &sink);
    let difference = weston.shown().difference(&reference, &[]);
    let trace = recorder.finish();
    let exported = trace.of_process(daemon.pid()).exported();
    expect_no_copy(&player, &trace, &exported);
    let ours = trace.of_process(std::process::id()).exported();
    let drawn = &trace.of_process(weston.pid()).mapped() - &ours;
    assert!(
        !drawn.is_empty() && drawn.is_subset(&exported),
        "exported by the daemon {exported:?}, drawn {drawn:?}"
    );
    assert!(difference.is_within(2, 1.5), "{difference:?}");
}
