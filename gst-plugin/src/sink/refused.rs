//! Frames that the presenter cannot read.
//!
//! A frame that nobody negotiated for is tried when it comes. One that is refused is not tried again, and upstream hears
//! of it once per caps: whoever allocates there may ask again, and hears then of the device.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dmabuf_heap::Frame;
use gst::prelude::*;
use gst_base::prelude::*;

use super::presenter::Presenter;
use super::state::SinkCore;

impl<P: Presenter> SinkCore<P> {
    /// Remembers a refused frame, and asks upstream to negotiate anew, once.
    pub(super) fn refuse(&self, element: &gst_base::BaseSink, frame: &Frame, why: Arc<str>) {
        self.refused.insert(frame, Some(why));
        if self.refusal_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let heard = element
            .sink_pad()
            .push_event(gst::event::Reconfigure::new());
        gst::info!(
            P::category(),
            obj = element,
            "asked upstream for other memory: {heard}"
        );
    }

    /// Other frames, or another presenter: all may be tried again.
    pub(super) fn forget_refusals(&self) {
        self.refused.clear();
        self.refusal_told.store(false, Ordering::Relaxed);
    }
}
