//! What passes the pads of a pipeline, in one order over all pads.
//!
//! Which query was asked because of which event, and whether a frame was lost meanwhile, no element can be asked for. Probes on
//! pads see it from outside.

use std::sync::{Arc, Mutex, mpsc};

use gst::prelude::*;
use gst::{PadProbeData, PadProbeReturn, PadProbeType};

use crate::note;
use crate::player::PATIENCE;
use crate::trace::Trace;

/// Something that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// A picture, with its number as the camera counts.
    Frame(u64),
    /// A question for memory, on its way downstream.
    Allocation,
    /// The wish to have all memory back, on its way downstream.
    Drain,
    /// The wish for a new negotiation, on its way upstream.
    Reconfigure,
}

/// Where something passed, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The name that was given to the pad.
    pub place: &'static str,
    /// What it was.
    pub what: What,
}

/// A log of what passes.
#[derive(Debug, Clone, Default)]
pub struct Passing(Arc<Mutex<Vec<Passed>>>);

impl Passing {
    /// Notes from now on what passes `pad`, and calls it `place`.
    pub fn watch(&self, pad: &gst::Pad, place: &'static str) {
        let log = Arc::clone(&self.0);
        // A query passes a second time, with its answer, as PULL.
        let mask = PadProbeType::BUFFER
            | PadProbeType::EVENT_UPSTREAM
            | PadProbeType::QUERY_DOWNSTREAM
            | PadProbeType::PUSH;
        pad.add_probe(mask, move |_pad, info| {
            if let Some(what) = info.data.as_ref().and_then(what) {
                log.lock()
                    .expect("nobody panics here")
                    .push(Passed { place, what });
            }
            PadProbeReturn::Ok
        });
    }

    /// All that has passed up to now.
    pub fn seen(&self) -> Vec<Passed> {
        self.0.lock().expect("nobody panics here").clone()
    }

    /// How often this passed there.
    pub fn count(&self, place: &str, what: What) -> usize {
        let seen = self.seen();
        seen.iter()
            .filter(|it| it.place == place && it.what == what)
            .count()
    }

    /// The numbers of the pictures that passed there.
    pub fn frames(&self, place: &str) -> Vec<u64> {
        frames_at(&self.seen(), place)
    }

    /// The numbers before and after each picture that is missing there, from picture `first` on.
    ///
    /// A camera may lose one while it starts.
    pub fn gaps(&self, place: &str, first: u64) -> Vec<(u64, u64)> {
        let frames = self.frames(place);
        let pairs = frames.windows(2).map(|pair| (pair[0], pair[1]));
        let is_gap = |&(one, next): &(u64, u64)| one >= first && one + 1 != next;
        pairs.filter(is_gap).collect()
    }

    /// Panics if the camera lost a picture for want of a buffer, from picture `first` on. `trace` is the kernel's account since
    /// before the camera started, and no other camera streams.
    ///
    /// One that is lost although the driver had a buffer to fill is its own: an emulated camera skips when the host is busy.
    #[track_caller]
    pub fn expect_no_want_of_buffers(&self, place: &str, first: u64, trace: &Trace) {
        let (frames, left) = (self.frames(place), trace.left_at_frames());
        // What passed after the trace ended has no account.
        let known = frames.iter().zip(&left);
        assert!(
            known.clone().any(|(&frame, _left)| frame > first),
            "{frames:?} passed, {left:?} by the kernel's account"
        );
        let gaps = self.gaps(place, first);
        let lost: Vec<_> = known
            .filter_map(|(&frame, &left)| {
                let &(before, after) = gaps.iter().find(|(before, _after)| *before == frame)?;
                Some((before, after, left))
            })
            .collect();
        note(format!(
            "lost by the camera itself or for want of buffers: {lost:?}"
        ));
        let hungry = lost.iter().any(|&(_before, _after, left)| left == 0);
        assert!(
            !hungry,
            "a camera without a buffer loses pictures: {lost:?}"
        );
    }

    /// Panics unless the pictures that passed `downstream` are those of `upstream` in their order, but for the last ones, which
    /// may be on their way.
    #[track_caller]
    pub fn expect_all_passed_on(&self, upstream: &str, downstream: &str) {
        const ON_THEIR_WAY: usize = 3;
        let seen = self.seen();
        let (above, below) = (frames_at(&seen, upstream), frames_at(&seen, downstream));
        let is_whole = above.starts_with(&below) && above.len() - below.len() <= ON_THEIR_WAY;
        assert!(
            is_whole && !below.is_empty(),
            "{above:?} left {upstream}, {below:?} reached {downstream}"
        );
    }
}

impl Passed {
    fn frame(&self) -> Option<u64> {
        match self.what {
            What::Frame(number) => Some(number),
            What::Allocation | What::Drain | What::Reconfigure => None,
        }
    }
}

fn frames_at(seen: &[Passed], place: &str) -> Vec<u64> {
    let there = seen.iter().filter(|it| it.place == place);
    there.filter_map(Passed::frame).collect()
}

/// Stops the stream at `pad`, between two buffers, until the pipeline ends.
#[track_caller]
pub fn hold_back(pad: &gst::Pad) {
    let (held, is_held) = mpsc::channel();
    pad.add_probe(PadProbeType::BLOCK_DOWNSTREAM, move |_pad, _info| {
        let _later_ones = held.send(());
        PadProbeReturn::Ok
    });
    is_held
        .recv_timeout(PATIENCE)
        .expect("another buffer comes");
}

fn what(data: &PadProbeData) -> Option<What> {
    match data {
        PadProbeData::Buffer(buffer) => Some(What::Frame(buffer.offset())),
        PadProbeData::Query(query) => match query.view() {
            gst::QueryView::Allocation(_) => Some(What::Allocation),
            gst::QueryView::Drain(_) => Some(What::Drain),
            _ => None,
        },
        PadProbeData::Event(event) => match event.view() {
            gst::EventView::Reconfigure(_) => Some(What::Reconfigure),
            _ => None,
        },
        _ => None,
    }
}
