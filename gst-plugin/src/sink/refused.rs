//! Frames that the presenter cannot read.
//!
//! A frame that nobody negotiated for is tried when it comes. One that is refused is not tried again, and upstream hears
//! of it once per caps: whoever allocates there may ask again, and hears then of the device.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dmabuf_heap::{Frame, FrameKey};
use gst::prelude::*;
use gst_base::prelude::*;

use super::presenter::Presenter;
use super::state::SinkCore;

impl<P: Presenter> SinkCore<P> {
    /// Remembers a refused frame, and asks upstream to negotiate anew, once.
    pub(super) fn refuse(&self, element: &gst_base::BaseSink, frame: &Frame, why: Arc<str>) {
        self.refused.insert(frame, Some(why));
        self.ask_for_other_memory(element);
    }

    /// A frame that had been taken is refused. It is lost; those after it are copied.
    pub(super) fn refuse_late(&self, element: &gst_base::BaseSink, key: &FrameKey, why: &str) {
        gst::info!(P::category(), obj = element, "a frame is lost: {why}");
        let frame = self.state().shown.as_ref().and_then(|shown| {
            let frame = shown.picture.as_ref().map(|picture| &picture.frame);
            frame.filter(|frame| frame.key() == key).cloned()
        });
        match frame {
            Some(frame) => self.refuse(element, &frame, why.into()),
            // The presenter remembers it, too, and says so when the frame comes again.
            None => self.ask_for_other_memory(element),
        }
    }

    fn ask_for_other_memory(&self, element: &gst_base::BaseSink) {
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
