//! Which compositor: the application's connection if it hands one over, else one of our own.

use std::ffi::OsStr;
use std::sync::Arc;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use wayland_import::{ConnectError, Display};

use super::compositor::Compositor;
use super::imp::{CAT, WaylandSink};
use super::presenter::WaylandPresenter;
use crate::ffi;
use crate::sink::Opens;

/// The type of the context in which applications hand over their `wl_display*`, then the name that it had before
/// GStreamer 1.22.
const CONTEXT_TYPES: [&str; 2] = [
    "GstWaylandDisplayHandleContextType",
    "GstWlDisplayHandleContextType",
];

impl WaylandSink {
    fn open_compositor(&self) -> Result<Compositor, gst::ErrorMessage> {
        let settings = self.settings();
        let foreign = self.handed_over();
        let is_foreign = foreign.is_some();
        let own = || Display::connect(settings.display.as_deref().map(OsStr::new));
        let display = foreign
            .unwrap_or_else(own)
            .map_err(|error| gst::error_msg!(gst::ResourceError::OpenReadWrite, ("{error}")))?;
        Ok(Compositor::new(display, is_foreign, settings.color))
    }

    /// The connection of the application: from a context that it set, from a neighbour, or after having been asked for it.
    fn handed_over(&self) -> Option<Result<Arc<Display>, ConnectError>> {
        let element = self.obj();
        let set = || CONTEXT_TYPES.iter().find_map(|kind| element.context(kind));
        let from_upstream = || {
            CONTEXT_TYPES.iter().find_map(|kind| {
                let mut query = gst::query::Context::new(kind);
                let found = element.sink_pad().peer_query(&mut query);
                found.then(|| query.context_owned()).flatten()
            })
        };
        let asked_for = || {
            CONTEXT_TYPES.iter().find_map(|kind| {
                let message = gst::message::NeedContext::builder(kind)
                    .src(&*element)
                    .build();
                // Without a bus there is no application to ask.
                let _unheard = element.post_message(message);
                set()
            })
        };
        let context = set().or_else(from_upstream).or_else(asked_for)?;
        gst::debug!(CAT, imp = self, "the connection of {context:?}");
        ffi::wayland::display_in(&context)
    }
}

impl Opens<WaylandPresenter> for WaylandSink {
    fn open_display(&self) -> Result<(Compositor, WaylandPresenter), gst::ErrorMessage> {
        let compositor = self.open_compositor()?;
        let presenter = WaylandPresenter::new(&self.obj(), &compositor);
        Ok((compositor, presenter))
    }

    fn open_presenter(
        &self,
        compositor: &Compositor,
    ) -> Result<WaylandPresenter, gst::ErrorMessage> {
        Ok(WaylandPresenter::new(&self.obj(), compositor))
    }
}
