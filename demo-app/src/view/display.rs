//! Asking the display what it takes, before a camera is chosen for it.

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use super::process::Process;
use crate::cli::ViewOptions;

/// What the display takes: the compositor of this session, or the first connected display; with a `process`, what can be made
/// into that.
///
/// # Errors
///
/// The sink's own message: it lists the nodes it looked at, and what each lacked.
pub(super) fn offered_caps(options: &ViewOptions, process: Option<&Process>) -> Result<gst::Caps> {
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
