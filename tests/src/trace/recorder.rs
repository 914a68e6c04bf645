//! Switches the kernel's tracer on and off.

use std::thread;
use std::time::Duration;

use super::Trace;
use crate::command::{Outcome, Run};
use crate::tracefs::{read, write};

const BUFFER_KIB_PER_CPU: &str = "24576";
const SWITCHES: [&str; 9] = [
    "events/raw_syscalls/enable",
    "events/dma_buf/dma_buf_export/enable",
    "events/dma_buf/dma_buf_dynamic_attach/enable",
    "events/dma_buf/dma_buf_get/enable",
    "events/dma_buf/dma_buf_mmap/enable",
    "events/dma_buf/dma_buf_mmap_internal/enable",
    "events/vb2/vb2_buf_done/enable",
    "events/vb2/vb2_dqbuf/enable",
    "events/vb2/vb2_qbuf/enable",
];

/// A running trace of the whole machine; dropped, it switches the tracer off.
#[derive(Debug)]
pub struct Recorder(());

impl Recorder {
    /// Starts with an empty buffer.
    pub fn start() -> Recorder {
        write("tracing_on", "0");
        write("buffer_size_kb", BUFFER_KIB_PER_CPU);
        write("options/record-tgid", "1");
        write("trace", "");
        switch_events("1");
        write("tracing_on", "1");
        // The tracer learns to which process a thread belongs when the thread is switched out, which this one now is.
        thread::sleep(Duration::from_millis(1));
        Recorder(())
    }

    /// Stops and returns what all processes did.
    pub fn finish(self) -> Trace {
        write("tracing_on", "0");
        Trace::parse(&read("trace"))
    }

    /// Traces one command from its start to its successful end.
    #[track_caller]
    pub fn record(run: Run) -> (Outcome, Trace) {
        let recorder = Recorder::start();
        let running = run.start();
        let process = running.pid();
        let outcome = running.finish().expect_success();
        (outcome, recorder.finish().of_process(process))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        write("tracing_on", "0");
        switch_events("0");
    }
}

fn switch_events(value: &str) {
    for switch in SWITCHES {
        write(switch, value);
    }
}
