//! From a configuration to buffers: it is judged, memory is negotiated, buffers are made.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dmabuf_heap::AllocateError;
use gst::subclass::prelude::*;
use gst_video::{VideoBufferPoolConfig, VideoFormat};

use super::PoolEvent;
use super::buffer::{Form, WrapError};
use super::imp::HeapPool;
use super::layout::Asked;
use super::memory::Plan;
use crate::CAT;
use crate::caps::{VideoCaps, video_format};
use crate::report::chain;
use crate::sync::lock;

/// What `set_config` settled.
#[derive(Clone)]
pub(super) struct Configured {
    pub plan: Plan,
    pub form: Form,
    /// Buffers made at the start.
    pub min: u32,
}

/// Why a buffer was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum BufferError {
    #[error("the pool is not active")]
    NotActive,
    #[error(transparent)]
    Allocate(#[from] AllocateError),
    #[error(transparent)]
    Wrap(#[from] WrapError),
}

impl HeapPool {
    /// Accepts a configuration, or corrects size and minimum in it and answers false: the user reads it back.
    pub(super) fn configure(&self, config: &mut gst::BufferPoolConfigRef) -> Option<bool> {
        let (caps, size, min, max) = config.params()?;
        let caps = caps?;
        let video = VideoCaps::parse(&caps)
            .inspect_err(|error| gst::warning!(CAT, imp = self, "{error}"))
            .ok()?;
        let alignment = config
            .has_option(gst_video::BUFFER_POOL_OPTION_VIDEO_ALIGNMENT)
            .then(|| config.video_alignment())
            .flatten();
        let asked = Asked {
            size: size.into(),
            alignment,
            reads_meta: config.has_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META),
        };
        let plan = self
            .plan(&video, &asked)
            .inspect_err(|error| gst::warning!(CAT, imp = self, "{}", chain(error)))
            .ok()?;

        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
        let least = self.least.load(Ordering::Relaxed);
        if size < plan.size || min < least {
            let (size, min) = (size.max(plan.size), min.max(least));
            gst::debug!(
                CAT,
                imp = self,
                "asking for {min} buffers of {size} bytes instead, for {plan:?}"
            );
            let max = if max == 0 { 0 } else { max.max(min) };
            config.set_params(Some(&caps), size, min, max);
            return Some(false);
        }
        gst::debug!(
            CAT,
            imp = self,
            "{caps}: {size} bytes, {min} to {max} buffers, {plan:?}"
        );
        let form = Form {
            format: video_format(video.format().fourcc).unwrap_or(VideoFormat::DmaDrm),
            alignment: asked.alignment,
            padded: plan.padded,
            size: size as usize,
        };
        *lock(&self.configured) = Some(Configured { plan, form, min });
        Some(true)
    }

    /// Has the devices choose the memory of all buffers to come.
    pub(super) fn negotiate(&self) -> bool {
        let configured = lock(&self.configured).clone();
        let (Some(configured), Some(service)) = (configured, self.service.get()) else {
            return false;
        };
        match configured.plan.negotiate(&service.source) {
            Ok(memory) => {
                let memory = Arc::new(memory);
                *lock(&self.memory) = Some(Arc::clone(&memory));
                service.source.settle(memory.choice().clone());
                self.tell(PoolEvent::Chosen(memory.choice()));
                true
            }
            Err(error) => {
                let text = chain(&error);
                gst::error!(CAT, imp = self, "{text}");
                self.fail(PoolEvent::NothingSuits(&error), text);
                false
            }
        }
    }

    pub(super) fn make_buffer(&self) -> Result<gst::Buffer, BufferError> {
        let memory = lock(&self.memory).clone();
        let configured = lock(&self.configured).clone();
        let (Some(configured), Some(memory), Some(service)) =
            (configured, memory, self.service.get())
        else {
            return Err(BufferError::NotActive);
        };
        let frame = memory.frame()?;
        service.count(&frame);
        Ok(configured.form.wrap(&service.allocator, &frame)?)
    }
}
