//! A mem2mem device with both its queues running.

use std::path::Path;
use std::time::Duration;

use v4l2_import::{
    Buffer, Capture, CaptureQueue, Done, Idle, Output, OutputQueue, Payload, Streaming, WithBuffers,
};

use crate::v4l2_queue::{next, open, queue};

/// Both queues of the device at `node`, on one open file.
#[track_caller]
pub fn open_pair(node: &Path) -> (OutputQueue<Idle>, CaptureQueue<Idle>) {
    let device = open(node);
    (queue(&device), queue(&device))
}

/// Both queues run; the device has every capture buffer, the program every output buffer.
#[derive(Debug)]
pub struct Pair {
    /// What the device reads.
    pub output: OutputQueue<Streaming>,
    /// What the device fills.
    pub capture: CaptureQueue<Streaming>,
    /// Output buffers that the program has.
    pub free: Vec<Buffer<Output>>,
}

impl Pair {
    /// Starts both.
    #[track_caller]
    pub fn start(output: WithBuffers<Output>, capture: WithBuffers<Capture>) -> Pair {
        let (output, free) = output;
        let (capture, buffers) = capture;
        for buffer in buffers {
            capture
                .enqueue(buffer)
                .unwrap_or_else(|error| panic!("{error}"));
        }
        Pair {
            output: output.start().unwrap_or_else(|error| panic!("{error}")),
            capture: capture.start().unwrap_or_else(|error| panic!("{error}")),
            free,
        }
    }

    /// Stops and starts the capture queue, and gives it all its buffers: those that it had, and `held`.
    #[must_use]
    #[track_caller]
    pub fn restart_capture(self, held: Vec<Done<Capture>>) -> Pair {
        let Pair {
            output,
            capture,
            free,
        } = self;
        let (stopped, buffers) = capture.stop().unwrap_or_else(|error| panic!("{error}"));
        let held = held.into_iter().map(|done| done.buffer);
        for buffer in buffers.into_iter().chain(held) {
            stopped
                .enqueue(buffer)
                .unwrap_or_else(|error| panic!("{error}"));
        }
        let capture = stopped.start().unwrap_or_else(|error| panic!("{error}"));
        Pair {
            output,
            capture,
            free,
        }
    }

    /// Gives the device one picture and takes what it makes of it; `read` looks at that before it goes round again.
    #[track_caller]
    pub fn convert<T>(&mut self, payload: &Payload, read: impl FnOnce(&Done<Capture>) -> T) -> T {
        let buffer = self.free.pop().expect("an output buffer");
        self.output
            .enqueue(buffer, payload)
            .unwrap_or_else(|error| panic!("{error}"));
        let done = next(&self.capture);
        let result = read(&done);
        self.free.push(next(&self.output).buffer);
        self.capture
            .enqueue(done.buffer)
            .unwrap_or_else(|error| panic!("{error}"));
        result
    }
}

/// The time of the nth picture, 40 ms after the one before.
pub fn moment(index: u32) -> Duration {
    Duration::from_millis(40) * index
}
