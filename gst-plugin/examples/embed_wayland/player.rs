//! The pipeline, and the sink in it.

use anyhow::{Context, Result, anyhow};
use gst::prelude::*;
use gst_video::prelude::*;
use smithay_client_toolkit::reexports::calloop::channel::Sender;

use crate::Event;
use crate::command::Rectangle;
use crate::handover::Handover;

/// A pipeline that shows its frames in an application's surface. Dropped, it stops.
#[derive(Debug)]
pub(crate) struct Player {
    pipeline: gst::Pipeline,
    sink: gst_video::VideoOverlay,
}

impl Player {
    /// Makes the pipeline; `handover` answers the sink, everything else that it says goes to `events`.
    pub(crate) fn new(
        description: &str,
        handover: Handover,
        events: Sender<Event>,
    ) -> Result<Player> {
        let made = gst::parse::launch(description)
            .with_context(|| format!("'{description}' is no pipeline"))?;
        let pipeline = made
            .downcast::<gst::Pipeline>()
            .map_err(|element| anyhow!("'{description}' is one element, {}", element.name()))?;
        let sink = pipeline.by_name("sink");
        let sink = sink.with_context(|| format!("no element of '{description}' has name=sink"))?;
        let sink = sink
            .dynamic_cast::<gst_video::VideoOverlay>()
            .map_err(|element| {
                let kind = element.type_();
                anyhow!("{kind} cannot show its frames in a window of an application")
            })?;
        let bus = pipeline.bus().context("a pipeline without a bus")?;
        bus.set_sync_handler(move |_bus, message| {
            if !handover.answer(message) {
                // A loop that has ended hears nothing any more.
                let _unheard = events.send(Event::Message(message.clone()));
            }
            gst::BusSyncReply::Drop
        });
        Ok(Player { pipeline, sink })
    }

    /// Starts. Errors come as messages.
    pub(crate) fn play(&self) {
        // A failure is told by a message, with its reason.
        let _told = self.pipeline.set_state(gst::State::Playing);
    }

    /// Moves the video; it takes effect with the application's next commit of the surface.
    pub(crate) fn place(&self, to: Rectangle) {
        let placed = self
            .sink
            .set_render_rectangle(to.x, to.y, to.width, to.height);
        debug_assert!(placed.is_ok(), "{to:?} has no pixels");
    }

    /// What the sink counts, each as `name=number`.
    pub(crate) fn stats(&self) -> String {
        let stats = self.sink.property::<gst::Structure>("stats");
        let number = |(name, value): (&_, &gst::glib::SendValue)| {
            Some(format!("{name}={}", value.get::<u64>().ok()?))
        };
        let numbers: Vec<String> = stats.iter().filter_map(number).collect();
        numbers.join(" ")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        // It goes down whatever happens.
        let _stopped = self.pipeline.set_state(gst::State::Null);
        if let Some(bus) = self.pipeline.bus() {
            bus.unset_sync_handler();
        }
    }
}

/// An error as the user reads it: who says so, and what.
pub(crate) fn error_of(message: &gst::message::Error) -> anyhow::Error {
    let element = message.src().map(|it| it.name().to_string());
    anyhow!("{}: {}", element.unwrap_or_default(), message.error())
}
