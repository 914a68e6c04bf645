//! What an application hands over: its connection and its surface, as the pointers of C that GStreamer takes.
//!
//! The sink asks on the bus, from whatever thread it happens to be in, and waits for the answer. So this is called in a
//! synchronous bus handler, and does nothing else.
#![expect(unsafe_code, reason = "GStreamer takes both as pointers of libwayland")]

use gst::glib;
use gst::glib::translate::UnsafeFrom;
use gst::prelude::*;
use gst_video::prelude::*;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, Proxy};

/// The context in which sinks look for a `wl_display*`, and its field.
const DISPLAY_CONTEXT: (&str, &str) = ("GstWaylandDisplayHandleContextType", "display");

/// A surface for a sink to show frames in.
#[derive(Debug)]
pub(crate) struct Handover {
    connection: Connection,
    surface: WlSurface,
}

impl Handover {
    pub(crate) fn new(connection: &Connection, surface: &WlSurface) -> Handover {
        Handover {
            connection: connection.clone(),
            surface: surface.clone(),
        }
    }

    /// Answers a message of the pipeline, if it asks for either; false for every other message.
    pub(crate) fn answer(&self, message: &gst::Message) -> bool {
        match message.view() {
            gst::MessageView::NeedContext(need) if need.context_type() == DISPLAY_CONTEXT.0 => {
                let element = message
                    .src()
                    .and_then(|it| it.downcast_ref::<gst::Element>());
                if let Some(element) = element {
                    element.set_context(&self.display());
                }
                true
            }
            gst::MessageView::Element(_)
                if gst_video::is_video_overlay_prepare_window_handle_message(message) =>
            {
                let source = message.src().cloned();
                if let Some(sink) =
                    source.and_then(|it| it.dynamic_cast::<gst_video::VideoOverlay>().ok())
                {
                    self.give_surface(&sink);
                }
                true
            }
            _ => false,
        }
    }

    fn display(&self) -> gst::Context {
        let display: glib::Pointer = self.connection.backend().display_ptr().cast();
        let value = display.to_value().into_raw();
        // SAFETY: the value is an address, which any thread may have. The sink uses it while the pipeline lives, which is
        // stopped before the connection is closed: see the order of declarations in `main`.
        let value = unsafe { glib::SendValue::unsafe_from(value) };
        let mut context = gst::Context::new(DISPLAY_CONTEXT.0, true);
        if let Some(context) = context.get_mut() {
            context.structure_mut().set_value(DISPLAY_CONTEXT.1, value);
        }
        context
    }

    fn give_surface(&self, sink: &gst_video::VideoOverlay) {
        let surface = self.surface.id().as_ptr();
        // SAFETY: it is a surface of the connection that the sink got, and a null pointer if it was destroyed. It lives
        // while the sink has it: `View` stops the pipeline before its window goes.
        unsafe { sink.set_window_handle(surface.addr()) };
    }
}
