//! Frames that reach a sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gst::prelude::*;

use super::{Failure, PATIENCE, Player};
use crate::{threads, wait};

/// Counts the frames that come to this pad. The thread that brings them makes no system call for it.
pub(super) fn counted_at(pad: &gst::Pad) -> Arc<AtomicU64> {
    let frames = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&frames);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_pad, _info| {
        counted.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    frames
}

impl Player {
    /// Waits until `count` more frames have reached the sink; panics with the error on the bus if they never do.
    #[track_caller]
    pub fn wait_frames(&self, count: u64) {
        self.try_wait_frames(count)
            .unwrap_or_else(|failure| panic!("{failure:#?}"));
    }

    /// Waits until `count` more frames have reached the sink.
    #[track_caller]
    pub fn try_wait_frames(&self, count: u64) -> Result<(), Failure> {
        let started = Instant::now();
        let wanted = self.frames() + count;
        let seen = wait::until_counted(PATIENCE, wanted, || match self.pending_failure(started) {
            Some(failure) => Err(failure),
            None => Ok(self.frames()),
        })?;
        assert!(
            seen >= wanted,
            "{} of {count} frames did not come, none in {PATIENCE:?}: {}\n{}",
            wanted - seen,
            self.states(),
            threads::report()
        );
        Ok(())
    }

    /// Waits until the element of that factory has counted `count` frames; panics with the error on the bus if it never does.
    ///
    /// A sink counts fewer frames than reach it: its base class drops those that come too late, as on a busy machine.
    #[track_caller]
    pub fn wait_counted(&self, factory: &str, count: u64) {
        let started = Instant::now();
        let counted =
            wait::until_counted(PATIENCE, count, || match self.pending_failure(started) {
                Some(failure) => Err(failure),
                None => Ok(self.stat(factory, "frames")),
            });
        let counted = counted.unwrap_or_else(|failure| panic!("{failure:#?}"));
        assert!(
            counted >= count,
            "{factory} has counted only {counted} of {count} frames, none in {PATIENCE:?}"
        );
    }

    /// Waits until the element of that factory has counted `more` frames from now on.
    #[track_caller]
    pub fn wait_more(&self, factory: &str, more: u64) {
        self.wait_counted(factory, self.stat(factory, "frames") + more);
    }

    /// The frames that have reached the sink up to now.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }
}
