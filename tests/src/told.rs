//! The choice of memory as the elements tell it: in `stats`, and as a message.

use std::sync::mpsc;

use gst::prelude::*;

use crate::player::Player;

/// The element message `dmaheap-negotiation`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The element that posted it.
    pub element: String,
    /// Name of the allocator.
    pub allocator: String,
    /// One line.
    pub summary: String,
    /// All of it.
    pub story: String,
}

impl Player {
    /// A text in an element's `stats`.
    #[track_caller]
    pub fn text(&self, factory: &str, field: &str) -> String {
        text_of(&self.by_factory(factory), field)
    }

    /// A text in the `stats` of the element of that name.
    #[track_caller]
    pub fn text_of(&self, name: &str, field: &str) -> String {
        text_of(&self.element(name), field)
    }

    /// One counter in the `stats` of the element of that name.
    #[track_caller]
    pub fn stat_of(&self, name: &str, counter: &str) -> u64 {
        let stats = self.element(name).property::<gst::Structure>("stats");
        stats
            .get::<u64>(counter)
            .unwrap_or_else(|error| panic!("{error}: {stats}"))
    }

    /// The announcements from now on, of the pipeline that the element of that factory is in.
    #[track_caller]
    pub fn announcements(&self, factory: &str) -> mpsc::Receiver<Announcement> {
        let (found, announcements) = mpsc::channel();
        let pipeline = self.by_factory(factory).parent();
        let pipeline = pipeline.and_downcast::<gst::Pipeline>();
        let bus = pipeline.and_then(|it| it.bus()).expect("a pipeline's bus");
        bus.set_sync_handler(move |_bus, message| {
            if let Some(announcement) = announcement(message) {
                // The test may have stopped to listen.
                let _unheard = found.send(announcement);
            }
            gst::BusSyncReply::Pass
        });
        announcements
    }
}

#[track_caller]
fn text_of(element: &gst::Element, field: &str) -> String {
    let stats = element.property::<gst::Structure>("stats");
    stats
        .get::<String>(field)
        .unwrap_or_else(|error| panic!("{error}: {stats}"))
}

fn announcement(message: &gst::Message) -> Option<Announcement> {
    let structure = message.structure()?;
    if structure.name() != "dmaheap-negotiation" {
        return None;
    }
    let field = |name| {
        structure
            .get::<String>(name)
            .expect("a text in the message")
    };
    Some(Announcement {
        element: message.src()?.name().to_string(),
        allocator: field("allocator"),
        summary: field("summary"),
        story: field("story"),
    })
}
