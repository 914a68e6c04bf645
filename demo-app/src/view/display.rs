//! Asking the display what it takes, before a camera is chosen for it.

use anyhow::{Context, Result, bail};
use gst::prelude::*;

use crate::cli::OutputKind;

/// What the display takes: the compositor of this session, or the first connected display.
///
/// # Errors
///
/// The sink's own message: it lists the nodes it looked at, and what each lacked.
pub(super) fn offered_caps(output: OutputKind) -> Result<gst::Caps> {
    let sink = gst::ElementFactory::make(output.sink()).build()?;
    let bus = gst::Bus::new();
    sink.set_bus(Some(&bus));
    let opened = sink.set_state(gst::State::Ready);
    let caps = sink.static_pad("sink").map(|pad| pad.query_caps(None));
    sink.set_state(gst::State::Null)?;
    sink.set_bus(None);
    if opened.is_err() {
        match bus.pop_filtered(&[gst::MessageType::Error]) {
            Some(message) => bail!("no display: {}", super::bus::text(&message)),
            None => bail!("no display: the sink did not open one, and did not say why"),
        }
    }
    caps.context("the sink has no pad")
}
