//! Buffers on their way out and back.

use std::sync::atomic::Ordering;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::PoolEvent;
use super::imp::HeapPool;
use super::service::Service;
use super::users::Writer;
use crate::CAT;
use crate::sync::lock;

/// Returns that make a refusal: the look at a buffer, and the first try to queue one.
const LOOK_AND_FIRST_TRY: u32 = 2;

impl HeapPool {
    /// Rather than make one more buffer for a camera, waits a little for one that is out; or for as long as it takes, where
    /// the camera would have to try it and cannot.
    pub(super) fn wait_out_shortage(&self) {
        let min = lock(&self.configured).as_ref().map_or(0, |it| it.min);
        let is_camera = |service: &Service| matches!(service.users.writer, Writer::V4l2(_));
        if !self.service.get().is_some_and(is_camera) || min == 0 {
            return;
        }
        let obj = self.obj();
        if self.shortage.wait_below(min, || obj.is_flushing()) {
            return;
        }
        let memory = lock(&self.memory).clone();
        if memory.is_none_or(|memory| memory.is_certain()) {
            gst::info!(
                CAT,
                imp = self,
                "all {min} buffers stay out, making one more"
            );
            return;
        }
        if !self.is_bound_told.swap(true, Ordering::Relaxed) {
            self.tell(PoolEvent::Bounded(min));
        }
        self.shortage.wait_out(min, || obj.is_flushing());
    }

    /// Whether a buffer can be used again; the base class throws away what is not.
    pub(super) fn is_intact(&self, buffer: &gst::BufferRef) -> bool {
        let size = lock(&self.configured).as_ref().map_or(0, |it| it.form.size);
        buffer.size() == size
            && buffer.is_all_memory_writable()
            && !buffer.flags().contains(gst::BufferFlags::TAG_MEMORY)
    }

    /// Notices a device that refuses the memory although it could not be asked.
    ///
    /// An importer like `v4l2src` takes one buffer to look at, gives it back, then queues several at the device. If the
    /// device refuses, each comes back before the next is taken; if it accepts, some stay out until the end.
    pub(super) fn note_return(&self) {
        let all_back = self.shortage.returned();
        let arrived = self
            .service
            .get()
            .is_some_and(|service| service.allocator.has_arrived());
        let asked = lock(&self.memory)
            .as_ref()
            .is_none_or(|memory| memory.is_accepted_by_writer());
        if !all_back || arrived || asked || self.obj().is_flushing() {
            return;
        }
        if self.rounds.fetch_add(1, Ordering::Relaxed) + 1 == LOOK_AND_FIRST_TRY {
            self.tell(PoolEvent::GivenBack);
        }
    }
}
