//! Giving upstream its memory back while the picture stays.
//!
//! A plane reads its frame until another one replaces it, so the last frame of upstream's stays in use for as long as
//! nothing new comes. A camera that wants to change its format cannot: its buffers are busy. So before caps change, and
//! when asked to drain, the sink puts a private copy on screen, waits for that flip and has no memory of upstream's left.

use std::time::Duration;

use drm_import::Output;
use gst::subclass::prelude::*;

use super::imp::{CAT, KmsSink};
use super::settings::Drain;
use super::show::Shown;
use crate::report::chain;
use crate::stats::Counter;

/// How long to wait for a flip. A display refreshes within 42 ms; the rest is for a machine that is late, or that first
/// finishes a snapshot. Giving up early would show black where the picture should stay.
const FLIP_TIMEOUT: Duration = Duration::from_secs(5);

impl KmsSink {
    /// Drains if the frame on screen belongs to other caps than these.
    pub(super) fn drain_before(&self, caps: &gst::CapsRef) {
        let stale = self
            .state()
            .shown
            .as_ref()
            .is_some_and(|shown| *shown.stream.caps != *caps);
        if stale {
            self.drain();
        }
    }

    /// Replaces a frame of upstream's on screen by one of ours, or by nothing, and waits until that is seen.
    pub(super) fn drain(&self) {
        let (output, shown) = {
            let mut state = self.state();
            let foreign = state.shown.take_if(|shown| shown.picture.is_foreign);
            let (Some(output), Some(shown)) = (state.output.clone(), foreign) else {
                return;
            };
            (output, shown)
        };
        let replaced = match self.settings().drain {
            Drain::Copy => self.show_copy_of(&output, shown),
            Drain::Blank => Err("asked for by the property drain".to_owned()),
        };
        match replaced {
            Ok(()) => gst::debug!(CAT, imp = self, "drained: a copy is on screen"),
            Err(reason) => {
                gst::debug!(CAT, imp = self, "drained: the plane goes off ({reason})");
                if let Err(error) = output.blank() {
                    gst::warning!(CAT, imp = self, "upstream's memory stays in use: {error}");
                }
                self.timing().cleared();
            }
        }
    }

    /// Puts a private copy of `shown` in its place and waits for the flip.
    fn show_copy_of(&self, output: &Output, shown: Shown) -> Result<(), String> {
        let (copy, cost) = self
            .private_copy(&shown.stream, &shown.picture.buffer)
            .map_err(|error| chain(&error))?;
        self.path.add(Counter::DrainCopies, 1);
        self.path.add(Counter::SyncIoctls, cost.sync_ioctls);
        self.submit(output, &copy, &shown.placement, false)
            .map_err(|error| chain(&error))?;
        self.state().shown = Some(Shown {
            picture: copy,
            ..shown
        });
        if output.wait_idle(FLIP_TIMEOUT) {
            Ok(())
        } else {
            Err(format!("no flip within {FLIP_TIMEOUT:?}"))
        }
    }
}
