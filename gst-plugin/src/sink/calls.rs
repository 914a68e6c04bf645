//! The calls of the base class, which every sink hands on to its core.
//!
//! The bindings have one trait for each class of `GObject`, none of which is ours, so they cannot be implemented once for all
//! sinks: a macro writes them out.

use super::presenter::Presenter;
use super::state::SinkCore;

/// An element with a core.
pub(crate) trait SinkElement {
    /// What it draws on.
    type Presenter: Presenter;

    /// What does the work.
    fn core(&self) -> &std::sync::Arc<SinkCore<Self::Presenter>>;

    /// Hears of an event before the base class does.
    fn hear(&self, _event: &gst::Event) {}
}

/// `BaseSinkImpl` and `VideoSinkImpl` of a [`SinkElement`].
macro_rules! sink_calls {
    ($sink:ty) => {
        impl BaseSinkImpl for $sink {
            fn caps(&self, filter: Option<&gst::Caps>) -> Option<gst::Caps> {
                let answer = self.core().answer_caps(self.obj().upcast_ref(), filter);
                answer.or_else(|| self.parent_caps(filter))
            }

            fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
                self.core().accept_caps(self.obj().upcast_ref(), caps)?;
                self.parent_set_caps(caps)
            }

            fn propose_allocation(
                &self,
                query: &mut gst::query::Allocation,
            ) -> Result<(), gst::LoggableError> {
                self.core().propose(self.obj().upcast_ref(), query)
            }

            fn event(&self, event: gst::Event) -> bool {
                if let gst::EventView::FlushStop(_) = event.view() {
                    self.core().expect_new_frame();
                }
                self.hear(&event);
                self.parent_event(event)
            }

            fn query(&self, query: &mut gst::QueryRef) -> bool {
                let element = self.obj();
                self.core().drain_for(element.upcast_ref(), query);
                let handled = BaseSinkImplExt::parent_query(self, query);
                self.core().queried(element.upcast_ref(), query);
                handled
            }

            fn unlock(&self) -> Result<(), gst::ErrorMessage> {
                self.core().set_flushing(true);
                Ok(())
            }

            fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
                self.core().set_flushing(false);
                Ok(())
            }
        }

        impl VideoSinkImpl for $sink {
            fn show_frame(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
                self.core().show(self.obj().upcast_ref(), buffer)
            }
        }
    };
}

pub(crate) use sink_calls;
