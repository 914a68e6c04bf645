//! Frames that the output cannot read.
//!
//! A frame that nobody negotiated for is tried when it comes. One that is refused is not tried again, and upstream hears
//! of it once per caps: whoever allocates there may ask again, and hears then of the output.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dmabuf_heap::Frame;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;

use super::imp::{CAT, KmsSink};

impl KmsSink {
    /// Remembers a refused frame, and asks upstream to negotiate anew, once.
    pub(super) fn refuse(&self, frame: &Frame, why: Arc<str>) {
        self.refused.insert(frame, Some(why));
        if self.refusal_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let heard = self
            .obj()
            .sink_pad()
            .push_event(gst::event::Reconfigure::new());
        gst::info!(CAT, imp = self, "asked upstream for other memory: {heard}");
    }

    /// Other frames, or another output: all may be tried again.
    pub(super) fn forget_refusals(&self) {
        self.refused.clear();
        self.refusal_told.store(false, Ordering::Relaxed);
    }
}
