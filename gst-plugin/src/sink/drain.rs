//! Giving upstream its memory back while the picture stays.
//!
//! A display reads its frame until another one replaces it, so the last frame of upstream's stays in use for as long as
//! nothing new comes. A camera that wants to change its format cannot: its buffers are busy. So before caps change, and
//! when asked to drain, the sink puts a private copy on screen, waits until that is seen and has no memory of upstream's left.

use std::time::Duration;

use super::picture::Shown;
use super::presenter::Presenter;
use super::settings::Drain;
use super::state::SinkCore;
use crate::report::chain;
use crate::stats::Counter;
use crate::sync::lock;

/// How long to wait for the copy. A display refreshes within 42 ms; the rest is for a machine that is late, or that first
/// finishes a snapshot. Giving up early would show black where the picture should stay.
const FLIP_TIMEOUT: Duration = Duration::from_secs(5);

impl<P: Presenter> SinkCore<P> {
    /// Gives memory back before a query that asks for it is answered.
    pub(crate) fn drain_for(&self, element: &gst_base::BaseSink, query: &gst::QueryRef) {
        match query.view() {
            gst::QueryView::Allocation(allocation) => {
                if let Some(caps) = allocation.get().0 {
                    self.drain_before(element, caps);
                }
            }
            gst::QueryView::Drain(_) => self.drain(element),
            _ => {}
        }
    }

    /// Drains if the frame on screen belongs to other caps than these.
    pub(super) fn drain_before(&self, element: &gst_base::BaseSink, caps: &gst::CapsRef) {
        let stale = self
            .state()
            .shown
            .as_ref()
            .is_some_and(|shown| *shown.stream.caps != *caps);
        if stale {
            self.drain(element);
        }
    }

    /// Replaces a frame of upstream's on screen by one of ours, or by nothing, and waits until that is seen.
    fn drain(&self, element: &gst_base::BaseSink) {
        let cat = P::category();
        let taken = {
            let _turn = lock(&self.turn);
            let mut state = self.state();
            let foreign = state.shown.take_if(|shown| {
                let picture = shown.picture.as_ref();
                picture.is_some_and(|picture| picture.is_foreign)
            });
            state.presenter.clone().zip(foreign)
        };
        let Some((presenter, shown)) = taken else {
            return;
        };
        let replaced = match self.settings().drain {
            Drain::Copy => self.show_copy_of(element, &presenter, shown),
            Drain::Blank => Err("asked for by the property drain".to_owned()),
        };
        match replaced {
            Ok(()) => gst::debug!(cat, obj = element, "drained: a copy is on screen"),
            Err(reason) => {
                gst::debug!(cat, obj = element, "drained: nothing is shown ({reason})");
                if let Err(error) = presenter.blank() {
                    gst::warning!(
                        cat,
                        obj = element,
                        "upstream's memory stays in use: {error}"
                    );
                }
                self.timing().cleared();
            }
        }
    }

    /// Puts a private copy of `shown` in its place and waits until it is seen.
    fn show_copy_of(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        shown: Shown,
    ) -> Result<(), String> {
        let picture = shown.picture.as_ref().ok_or("nothing is held")?;
        let (copy, cost) = self
            .private_copy(&shown.stream, &picture.buffer)
            .map_err(|error| chain(&error))?;
        self.path.add(Counter::DrainCopies, 1);
        self.path.add(Counter::SyncIoctls, cost.sync_ioctls);
        {
            let _turn = lock(&self.turn);
            self.submit(element, presenter, &copy, &shown.placement, false)
                .map_err(|error| error.text().to_owned())?;
            self.state().shown = Some(Shown {
                picture: Some(copy),
                ..shown
            });
        }
        self.mend(element);
        if presenter.wait_idle(FLIP_TIMEOUT) {
            Ok(())
        } else {
            Err(format!("no refresh within {FLIP_TIMEOUT:?}"))
        }
    }
}
