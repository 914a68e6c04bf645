//! What goes with a frame: when it was taken, and which it is.

use std::time::Duration;

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::{CAT, V4l2Src};
use super::stream::Stream;
use super::time;

/// What goes with a frame.
pub(super) struct Stamp {
    /// On `CLOCK_MONOTONIC`, where the driver says so.
    pub(super) taken: Option<Duration>,
    pub(super) number: u32,
    pub(super) missing: u32,
    /// `enum v4l2_field`
    pub(super) field: u32,
}

impl V4l2Src {
    /// Writes what is known of a frame into its buffer.
    pub(super) fn stamp(&self, stream: &Stream, buffer: &mut gst::BufferRef, stamp: &Stamp) {
        let duration = stream.choice.rate.duration();
        let usual = duration.unwrap_or_default();
        buffer.set_pts(self.running_time(stamp.taken, usual));
        buffer.set_duration(duration.and_then(|it| gst::ClockTime::try_from(it).ok()));
        buffer.set_offset(stamp.number.into());
        buffer.set_offset_end(u64::from(stamp.number) + 1);
        if stamp.missing > 0 {
            gst::debug!(
                CAT,
                imp = self,
                "{} frames lost before {}",
                stamp.missing,
                stamp.number
            );
            buffer.set_flags(gst::BufferFlags::DISCONT);
        }
        mark_fields(buffer, stamp.field);
    }

    /// When a frame was taken, on the clock of the pipeline.
    fn running_time(&self, taken: Option<Duration>, usual: Duration) -> Option<gst::ClockTime> {
        let element = self.obj();
        let (clock, base) = element.clock().zip(element.base_time())?;
        let (there, here) = time::same_moment(|| clock.time().into());
        let age = taken.map_or(usual, |taken| time::age(taken, here, usual));
        let taken = there.checked_sub(age).unwrap_or_default();
        let taken = gst::ClockTime::try_from(taken).ok()?;
        Some(taken.saturating_sub(base))
    }
}

/// Tells of a picture that is made of two fields, and which of them was first.
fn mark_fields(buffer: &mut gst::BufferRef, field: u32) {
    use gst_video::VideoBufferFlags as Flags;
    use gst_video::video_frame::VideoBufferExt as _;
    const INTERLACED: u32 = 4;
    const TOP_FIRST: u32 = 8;
    const BOTTOM_FIRST: u32 = 9;
    let flags = match field {
        TOP_FIRST => Flags::INTERLACED | Flags::TFF,
        INTERLACED | BOTTOM_FIRST => Flags::INTERLACED,
        _ => return,
    };
    buffer.set_video_flags(flags);
}
