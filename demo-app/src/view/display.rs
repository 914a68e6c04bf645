//! Asking the display what it takes, before a camera is chosen for it.

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use super::process::Process;
use crate::cli::ViewOptions;

/// What can be sent to the display.
#[derive(Debug)]
pub(super) struct Offer {
    /// What it takes, or where the picture is worked on, what can be made into that.
    pub(super) takes: gst::Caps,
    /// What can be made into what it takes, where nothing is asked to be done with the picture.
    pub(super) makes: Option<gst::Caps>,
}

impl Offer {
    /// That of the compositor of this session, or of the first connected display.
    ///
    /// # Errors
    ///
    /// The sink's own message: it lists the nodes it looked at, and what each lacked.
    pub(super) fn find(options: &ViewOptions) -> Result<Self> {
        let takes = offered_caps(options, options.process.as_ref())?;
        let makes = match options.process {
            Some(_) => None,
            None => Some(offered_caps(options, Some(&Process::default()))?),
        };
        Ok(Self { takes, makes })
    }

    /// Where no display could be asked.
    pub(super) fn any() -> Self {
        Self {
            takes: gst::Caps::new_any(),
            makes: None,
        }
    }
}

fn offered_caps(options: &ViewOptions, process: Option<&Process>) -> Result<gst::Caps> {
    let sink = gst::ElementFactory::make(options.output().sink()).build()?;
    let mut elements = match process {
        Some(process) => process.elements(options.backend.name(), None)?,
        None => Vec::new(),
    };
    elements.push(sink);
    let whole = gst::Pipeline::new();
    whole.add_many(&elements)?;
    gst::Element::link_many(&elements)?;
    let bus = whole.bus().context("a pipeline has a bus")?;
    let opened = whole.set_state(gst::State::Ready);
    let input = elements.first().and_then(|it| it.static_pad("sink"));
    let caps = input.map(|pad| pad.query_caps(None));
    // A bus throws away what nobody has read when its pipeline ends.
    let error = bus.pop_filtered(&[gst::MessageType::Error]);
    whole.set_state(gst::State::Null)?;
    if opened.is_err() {
        match error {
            Some(message) => bail!("no display: {}", super::bus::text(&message)),
            None => bail!("no display: the sink did not open one, and did not say why"),
        }
    }
    caps.context("the sink has no pad")
}
