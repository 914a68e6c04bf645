//! Elements that write into frames: on the very dma-bufs that the camera fills and the display shows, with plain caps, and with
//! every access told to the kernel in the right direction.
//!
//! Directions show in the shadow heap: the CPU sees what the camera wrote only after a START that reads, and the display what
//! the CPU wrote only after an END that writes.

use dmaheap_tests::account::Account;
use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::note;
use dmaheap_tests::picture::Picture;
use dmaheap_tests::player::Player;
use dmaheap_tests::shadow::{Half, Skip};
use dmaheap_tests::trace::{Recorder, Trace};
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::vkms;
use dmaheap_tests::weston::{Renderer, Weston};
use gst::prelude::*;
use gst_video::{VideoFrameExt, VideoFrameRef, VideoInfo};

const SIZE: (u32, u32) = (640, 360);
const FRAMES: u64 = 12;
const SINK: &str = "dmaheapkmssink name=sink driver-name=vkms zero-copy=required";
/// Words of the story that name the parties.
const CAMERA: &str = "camera vivid";
const DISPLAY: &str = "display vkms";
const CPU: &str = "the CPU";
/// What an application's probe paints: columns and rows, in pixels.
const PAINTED: (u16, u16) = (160, 90);

/// Who writes into the frames.
#[derive(Debug, Clone, Copy)]
enum Writer {
    /// A stock element.
    Element(&'static str),
    /// A pad probe of the application, by `gst_video_frame_map`.
    Probe,
}

/// Without `qos`, an effect works on every frame, also on one behind a late one.
const WRITERS: [Writer; 3] = [
    Writer::Element("videobalance qos=false saturation=0 contrast=0.5"),
    Writer::Element(
        "textoverlay text=dmaheap font-desc=\"Sans 40\" halignment=center valignment=center",
    ),
    Writer::Probe,
];

/// Whose memory the frames are in.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// `dmaheapv4l2src` makes it.
    Ours,
    /// The peer imports that of the sink's pool.
    Peer,
}

impl Source {
    /// The element that negotiates.
    fn owner(self) -> &'static str {
        match self {
            Source::Ours => "source",
            Source::Peer => "sink",
        }
    }
}

impl Writer {
    /// Its place in a pipeline.
    fn description(self) -> &'static str {
        match self {
            Writer::Element(description) => description,
            Writer::Probe => "identity name=painted",
        }
    }

    /// What the picture is when it has been written, by the peers alone.
    #[track_caller]
    fn reference(self, vivid: &Vivid) -> Picture {
        let head = format!("{} ! {}", vivid.source(), caps());
        match self {
            Writer::Element(description) => by_videoconvert(&format!("{head} ! {description}")),
            Writer::Probe => {
                let white = Picture::filled(PAINTED.0.into(), PAINTED.1.into(), [255; 3]);
                by_videoconvert(&head).with(&white, 0, 0)
            }
        }
    }
}

fn by_videoconvert(source: &str) -> Picture {
    Picture::by_videoconvert(source, 1, SIZE.0, SIZE.1)
}

fn caps() -> String {
    format!("{},framerate=25/1", NV12.caps(Naming::Plain, SIZE))
}

fn camera() -> Vivid {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    // A driver keeps the range of YUV that a program before asked for, and effects reckon in limited range whatever it is. The
    // peer asks for the driver's own.
    by_videoconvert(&format!("{} ! {}", vivid.source(), caps()));
    vivid
}

/// Our source, on frames of that heap.
fn ours(vivid: &Vivid, heap: &str) -> String {
    let node = vivid.node();
    format!("dmaheapv4l2src name=source device={node} heap={heap} io=import zero-copy=required")
}

/// From `front` through `writer` to `end`.
#[track_caller]
fn launch_graph(front: &str, writer: Writer, end: &str) -> Player {
    let graph = format!("{front} ! {} ! {} ! {end}", caps(), writer.description());
    note(&graph);
    let player = Player::launch(&graph);
    if let Writer::Probe = writer {
        paint(&player.element("painted"));
    }
    player
}

/// From a camera to the display through `writer`, on frames of that heap.
#[track_caller]
fn launch(vivid: &Vivid, heap: &str, source: Source, writer: Writer) -> Player {
    match source {
        Source::Ours => launch_graph(&ours(vivid, heap), writer, SINK),
        Source::Peer => {
            let peer = format!("{} io-mode=dmabuf-import", vivid.source());
            launch_graph(&peer, writer, &format!("{SINK} heap={heap}"))
        }
    }
}

/// Has every frame painted white in its upper left corner, as applications do it.
fn paint(element: &gst::Element) {
    let pad = element
        .static_pad("src")
        .expect("identity has a source pad");
    pad.add_probe(gst::PadProbeType::BUFFER, |pad, info| {
        let caps = pad.current_caps().expect("caps come before buffers");
        let video = VideoInfo::from_caps(&caps).expect("raw video");
        let buffer = info.buffer_mut().expect("a buffer").make_mut();
        let mut frame =
            VideoFrameRef::from_buffer_ref_writable(buffer, &video).expect("memory for the CPU");
        let (width, height) = (usize::from(PAINTED.0), usize::from(PAINTED.1));
        for (plane, rows, white) in [(0, height, 235), (1, height / 2, 128)] {
            let stride =
                usize::try_from(frame.plane_stride()[plane as usize]).expect("not negative");
            let data = frame.plane_data_mut(plane).expect("NV12 has two planes");
            for row in data.chunks_mut(stride).take(rows) {
                row[..width].fill(white);
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// What the display shows once frames flow.
#[track_caller]
fn shown(player: &Player) -> Picture {
    let screen = player.snapshot();
    let place = vkms::centred(SIZE.0, SIZE.1);
    assert!(screen.is_black_outside(place), "beside the picture");
    screen.crop(place)
}

#[track_caller]
fn expect_alike(shown: &Picture, reference: &Picture, what: &str) {
    let difference = shown.difference(reference, &[]);
    assert!(difference.is_within(3, 1.0), "{what}: {difference:?}");
}

#[track_caller]
fn expect_shared_memory(trace: &Trace, what: &str) {
    let (queued, mapped, imported) = (trace.queued(), trace.mapped(), trace.imported());
    assert!(
        !queued.is_empty() && queued.is_subset(&trace.exported_by("system")),
        "{what}: queued {queued:?}"
    );
    let shared = queued.intersection(&imported).count();
    assert!(
        shared >= 2,
        "{what}: queued {queued:?}, imported {imported:?}"
    );
    assert!(
        !mapped.is_disjoint(&queued),
        "{what}: mapped {mapped:?}, queued {queued:?}"
    );

    // Each plane is mapped for itself, and what began has ended.
    let flowing = trace.between_frames(2, trace.frames());
    let syncs = flowing.count("DMA_BUF_IOCTL_SYNC");
    let frames = trace.frames() as u64 - 2;
    let expected = 4 * (frames - 2)..=4 * (frames + 2);
    assert!(
        expected.contains(&syncs),
        "{what}: {syncs} SYNC ioctls for {frames} frames"
    );
    assert_eq!(trace.count("DMA_BUF_IOCTL_SYNC") % 2, 0, "{what}");
}

/// The memory was chosen for camera, display and the CPU, as far as an element tells that it writes.
#[track_caller]
fn expect_everybody_asked(player: &Player, source: Source, writer: Writer) {
    let story = Account::of(player, source.owner()).text("negotiation");
    assert!(story.contains(CAMERA) && story.contains(DISPLAY), "{story}");
    if let Writer::Element(_) = writer {
        assert!(story.contains(CPU), "{story}");
    }
}

#[test]
fn writers_work_in_the_memory_that_camera_and_display_share() {
    let vivid = camera();
    for source in [Source::Ours, Source::Peer] {
        for writer in WRITERS {
            let recorder = Recorder::start();
            let player = launch(&vivid, "system", source, writer);
            player.play();
            Account::wait(&player, "sink", "frames", FRAMES);
            let picture = shown(&player);
            let account = Account::of(&player, source.owner());
            let what = format!("{source:?}, {writer:?}");
            assert_eq!(
                account.counts(["copies", "foreign"]),
                [0, 0],
                "{what}: {account:?}"
            );
            expect_everybody_asked(&player, source, writer);
            drop(player);
            let trace = recorder.finish().of_process(std::process::id());
            expect_shared_memory(&trace, &what);
            expect_alike(&picture, &writer.reference(&vivid), &what);
        }
    }
}

#[test]
fn every_access_of_a_writer_states_its_direction() {
    let vivid = camera();
    for writer in WRITERS {
        let player = launch(&vivid, "shadow", Source::Ours, writer);
        player.play();
        Account::wait(&player, "sink", "frames", FRAMES);
        let right = shown(&player);

        // Without an end, the display shows what the camera wrote.
        let skip = Skip::half(Half::End);
        let frames = Account::of(&player, "sink").count("frames");
        Account::wait(&player, "sink", "frames", frames + FRAMES);
        let unwritten = shown(&player);
        drop(skip);

        drop(player);
        let head = format!("{} ! {}", vivid.source(), caps());
        let reference = writer.reference(&vivid);
        expect_alike(&right, &reference, &format!("{writer:?}"));
        expect_alike(
            &unwritten,
            &by_videoconvert(&head),
            &format!("{writer:?} without END"),
        );
        let difference = unwritten.difference(&reference, &[]);
        assert!(
            !difference.is_within(3, 1.0),
            "{writer:?} does nothing that shows"
        );
    }
}

#[test]
fn writers_work_in_the_memory_that_a_compositor_reads() {
    let vivid = camera();
    let weston = Weston::start(Renderer::Gl, SIZE);
    let sink = format!(
        "dmaheapwaylandsink name=sink display={} zero-copy=required",
        weston.display()
    );
    for writer in WRITERS {
        weston.wait_bare();
        let player = launch_graph(&ours(&vivid, "system"), writer, &sink);
        player.play();
        Account::wait(&player, "sink", "frames", FRAMES);
        let picture = weston.shown();
        for name in ["source", "sink"] {
            let account = Account::of(&player, name);
            let counts = account.counts(["copies", "foreign"]);
            assert_eq!(counts, [0, 0], "{writer:?}, {name}: {account:?}");
        }
        drop(player);
        let difference = picture.difference(&writer.reference(&vivid), &[]);
        assert!(difference.is_within(3, 1.5), "{writer:?}: {difference:?}");
    }
}
