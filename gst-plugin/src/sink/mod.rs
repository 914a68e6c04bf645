//! What the video sinks of this plugin share, whatever they draw on.
//!
//! A sink is an element (thin: properties and the calls of the base class), a [`Presenter`] that knows the device, and
//! between them the [`SinkCore`]: caps and pools, the way of a frame or of its copy, drains, times and counts.

mod calls;
mod drain;
mod fallback;
mod lifecycle;
mod negotiation;
mod overlay;
mod picture;
mod presenter;
mod refusal;
mod refused;
mod report;
mod settings;
mod show;
mod state;
mod stream;
mod timing;
mod upload;

pub(crate) use calls::{SinkElement, sink_calls};
pub(crate) use lifecycle::{Opens, keep_no_sample};
pub(crate) use overlay::{RENDER_RECTANGLE, RenderRectangle, rectangle_spec};
pub(crate) use presenter::{Display, Event, OwnCopy, Pixels, Presenter, ShowError, Ticket};
pub(crate) use settings::param_specs;
pub(crate) use state::SinkCore;
pub(crate) use stream::yuv_color;
