//! Elements that hand on the frames they get, and whether they change them on the way, by the CPU.
//!
//! The memory of a frame must suit them, too, and they import nothing that a query could tell.

use gst::prelude::*;
use gst_base::prelude::*;

/// Elements that hand on what others made.
const PASSES_ON: [&str; 8] = [
    "capsfilter",
    "dmaheapalloc",
    "identity",
    "multiqueue",
    "queue",
    "queue2",
    "tee",
    "valve",
];

/// How far to look: a limit against loops in the graph.
pub(crate) const MAX_STEPS: usize = 64;

/// What an element does with the buffers that it hands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InPlace {
    /// Nothing.
    Passes,
    /// It may change the pixels where they lie.
    Touches,
}

impl InPlace {
    /// Of an element that hands on the buffers it gets; `None` if it makes its own. The answer may change with its caps.
    ///
    /// Filters know it of themselves. Others, such as `textoverlay`, say it by having their pad hand ALLOCATION queries on.
    pub(crate) fn of(element: &gst::Element) -> Option<Self> {
        let factory = element.factory();
        if factory.is_some_and(|it| PASSES_ON.contains(&it.name().as_str())) {
            return Some(Self::Passes);
        }
        let Some(filter) = element.downcast_ref::<gst_base::BaseTransform>() else {
            let hands_on = input(element).is_some_and(|pad| proxies(&pad));
            return hands_on.then_some(Self::Touches);
        };
        if filter.is_passthrough() {
            Some(Self::Passes)
        } else {
            filter.is_in_place().then_some(Self::Touches)
        }
    }
}

/// The pad through which the frames come that an element hands on: an overlay has others, too.
pub(crate) fn input(element: &gst::Element) -> Option<gst::Pad> {
    let pads = element.sink_pads();
    let proxy = pads.iter().find(|pad| proxies(pad));
    proxy.or(pads.first()).cloned()
}

/// The element on the other side of a pad's link, through the borders of bins.
pub(crate) fn neighbour(pad: &gst::Pad) -> Option<gst::Element> {
    let mut peer = pad.peer()?;
    for _step in 0..MAX_STEPS {
        if let Some(ghost) = peer.downcast_ref::<gst::GhostPad>() {
            peer = ghost.target()?;
        } else if let Some(ghost) = peer.parent().and_downcast::<gst::GhostPad>() {
            peer = ghost.peer()?;
        } else {
            return peer.parent_element();
        }
    }
    None
}

/// Whether an element downstream of `element` may change its frames before somebody makes others of them.
pub(crate) fn is_written_after(element: &gst::Element) -> bool {
    is_written_within(element, MAX_STEPS)
}

fn is_written_within(element: &gst::Element, steps: usize) -> bool {
    let Some(steps) = steps.checked_sub(1) else {
        return false;
    };
    let next = element
        .src_pads()
        .into_iter()
        .filter_map(|pad| neighbour(&pad));
    next.into_iter().any(|next| match InPlace::of(&next) {
        Some(InPlace::Touches) => true,
        Some(InPlace::Passes) => is_written_within(&next, steps),
        None => false,
    })
}

fn proxies(pad: &gst::Pad) -> bool {
    pad.pad_flags().contains(gst::PadFlags::PROXY_ALLOCATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks once a frame has passed.
    fn is_written(filters: &str) -> bool {
        gst::init().expect("GStreamer");
        let launch = format!("videotestsrc name=cam ! {filters} ! fakesink");
        let pipeline = gst::parse::launch(&launch).expect("pipeline");
        pipeline.set_state(gst::State::Paused).expect("plays");
        let (reached, _, _) = pipeline.state(gst::ClockTime::from_seconds(20));
        reached.expect("one frame");
        let camera = pipeline
            .downcast_ref::<gst::Bin>()
            .and_then(|bin| bin.by_name("cam"))
            .expect("the source");
        let written = is_written_after(&camera);
        pipeline.set_state(gst::State::Null).expect("stops");
        written
    }

    #[test]
    fn elements_that_change_frames_on_the_way_are_found() {
        for (filters, written) in [
            ("queue ! identity", false),
            ("videobalance", false),
            ("videobalance saturation=0", true),
            ("queue ! videobalance saturation=0", true),
            ("tee ! queue ! videobalance saturation=0", true),
            (
                "video/x-raw,width=320 ! videoscale ! video/x-raw,width=64 ! videobalance saturation=0",
                false,
            ),
        ] {
            assert_eq!(is_written(filters), written, "{filters}");
        }
    }

    #[test]
    fn an_element_that_hands_queries_on_may_change_the_frames() {
        gst::init().expect("GStreamer");
        let drawing = gst::Bin::new();
        let inner = gst::Pad::builder(gst::PadDirection::Sink)
            .name("video")
            .build();
        drawing.add_pad(&inner).expect("a pad");
        let element = drawing.upcast_ref::<gst::Element>();
        assert_eq!(InPlace::of(element), None);
        inner.set_pad_flags(gst::PadFlags::PROXY_ALLOCATION);
        assert_eq!(InPlace::of(element), Some(InPlace::Touches));
    }
}
