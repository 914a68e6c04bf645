//! Streams through the queues of `v4l2-import`, with an end to every wait.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use dmabuf_heap::{Allocator, Frame};
use v4l2_import::{
    BufferQueue, CaptureQueue, Dequeued, Device, Direction, Done, FormatRequest, Idle, QueueFormat,
    Size, Streaming, V4l2Fourcc,
};

use crate::command::Run;
use crate::v4l2_frame;
use crate::vivid::{OsdText, Pattern, Vivid};

/// How long a device may take for one frame: the machine is emulated, and has other things to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// The device at `node`.
#[track_caller]
pub fn open(node: &Path) -> Arc<Device> {
    Arc::new(Device::open(node).unwrap_or_else(|error| panic!("{error}")))
}

/// A queue of the device, with nothing changed.
#[track_caller]
pub fn queue<D: Direction>(device: &Arc<Device>) -> BufferQueue<D, Idle> {
    BufferQueue::new(device).unwrap_or_else(|error| panic!("{error}"))
}

/// Sets a format on a queue, which must take it as it is.
#[track_caller]
pub fn set_format<D: Direction>(
    queue: &mut BufferQueue<D, Idle>,
    code: &[u8; 4],
    (width, height): (u32, u32),
) -> QueueFormat {
    let code = V4l2Fourcc::from_bytes(code);
    let request = FormatRequest::new(code, Size { width, height });
    let format = queue
        .set_format(&request)
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        (format.code, format.width, format.height),
        (code, width, height)
    );
    format
}

/// The capture queue of the camera at `node`, with a format.
#[track_caller]
pub fn camera(node: &Path, code: &[u8; 4], size: (u32, u32)) -> (CaptureQueue<Idle>, QueueFormat) {
    let mut queue = queue(&open(node));
    let format = set_format(&mut queue, code, size);
    (queue, format)
}

/// Frames for a format, from any allocator.
#[track_caller]
pub fn frames(allocator: &dyn Allocator, format: &QueueFormat, count: usize) -> Vec<Frame> {
    (0..count)
        .map(|_index| v4l2_frame::frame(allocator, format))
        .collect()
}

/// Starts a camera on frames, all of which it is given.
#[track_caller]
pub fn start(queue: CaptureQueue<Idle>, frames: Vec<Frame>) -> CaptureQueue<Streaming> {
    let (queue, buffers) = queue
        .import(frames)
        .unwrap_or_else(|error| panic!("{error}"));
    for buffer in buffers {
        queue
            .enqueue(buffer)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    queue.start().unwrap_or_else(|error| panic!("{error}"))
}

/// The next buffer, or `None` when the device is drained. Events do not end the wait.
#[track_caller]
pub fn next_or_end<D: Direction>(queue: &BufferQueue<D, Streaming>) -> Option<Done<D>> {
    let name = queue.device().info();
    let deadline = Instant::now() + PATIENCE;
    loop {
        match queue.try_dequeue() {
            Ok(Dequeued::Done(done)) => return Some(done),
            Ok(Dequeued::Drained) => return None,
            Ok(Dequeued::NotYet) => {}
            Err(error) => panic!("{error}"),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "no buffer of {name}: {queue:?}");
        queue.wait(left).expect("poll");
    }
}

/// The next buffer.
#[track_caller]
pub fn next<D: Direction>(queue: &BufferQueue<D, Streaming>) -> Done<D> {
    next_or_end(queue).unwrap_or_else(|| panic!("the device is drained: {queue:?}"))
}

/// The bytes of all planes of a frame, without what lies behind rows and planes, as `v4l2-ctl --stream-to` writes them for formats
/// without padding.
#[track_caller]
pub fn pixels(frame: &Frame) -> Vec<u8> {
    let layout = *frame.layout();
    let mapping = frame.map().expect("memory that the CPU can map");
    let access = mapping.read().expect("the CPU may read");
    let mut pixels = Vec::new();
    for plane in 0..layout.planes().len() {
        let len = layout.row_bytes(plane).expect("a known format");
        let mut row = vec![0; usize::try_from(len).expect("a row that fits in memory")];
        for line in 0..layout.rows(plane).expect("a known format") {
            access.read_row(plane, line, &mut row).expect("a row");
            pixels.extend_from_slice(&row);
        }
    }
    pixels
}

/// Fills all planes of a frame with bytes in the order of [`pixels`].
#[track_caller]
pub fn fill(frame: &Frame, pixels: &[u8]) {
    let layout = *frame.layout();
    let mut mapping = frame.map().expect("memory that the CPU can map");
    let mut access = mapping.write().expect("the CPU may write");
    let mut rest = pixels;
    for plane in 0..layout.planes().len() {
        let len = layout.row_bytes(plane).expect("a known format");
        let len = usize::try_from(len).expect("a row that fits in memory");
        for line in 0..layout.rows(plane).expect("a known format") {
            let (row, behind) = rest.split_at(len);
            access.write_row(plane, line, row).expect("a row");
            rest = behind;
        }
    }
    assert!(rest.is_empty(), "{} bytes too many", rest.len());
    access.finish().expect("the end of CPU access");
}

/// The node of the nth vivid camera.
#[track_caller]
pub fn vivid(instance: u32) -> PathBuf {
    crate::device::video_node(&format!("vivid-{instance:03}-vid-cap"))
}

/// The same picture in every frame.
#[track_caller]
pub fn still(instance: u32) -> Vivid {
    let vivid = Vivid::find_instance(instance);
    vivid.show(Pattern::Colorbar75, OsdText::None);
    vivid
}

/// What the peer `v4l2-ctl` reads of the camera, mapped, in the format that it has.
#[track_caller]
pub fn by_peer(node: &Path) -> Vec<u8> {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("frame");
    Run::new("v4l2-ctl")
        .args(["-d", &node.display().to_string()])
        .args(["--stream-mmap", "--stream-count=1"])
        .arg(format!("--stream-to={}", file.display()))
        .finish()
        .expect_success();
    std::fs::read(&file).expect("one frame")
}

/// Panics unless all bytes are the same.
#[track_caller]
pub fn expect_equal(ours: &[u8], peers: &[u8], what: &str) {
    assert_eq!(ours.len(), peers.len(), "{what}");
    let differing = ours.iter().zip(peers).filter(|(a, b)| a != b).count();
    assert_eq!(differing, 0, "{what}: bytes that differ from the peer's");
}
