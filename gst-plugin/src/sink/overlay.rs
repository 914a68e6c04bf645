//! Moving the picture while it is shown: what `GstVideoOverlay` asks of a sink.

use std::sync::atomic::Ordering;
use std::sync::{Arc, TryLockError};

use dmabuf_heap::{Orientation, Rect};
use gst::glib;
use gst::prelude::*;

use super::presenter::Presenter;
use super::state::SinkCore;

/// The property that sets the rectangle without the interface, as sinks with an overlay have it.
pub(crate) const RENDER_RECTANGLE: &str = "render-rectangle";

impl<P: Presenter> SinkCore<P> {
    /// Where the application wants the picture from now on.
    pub(crate) fn set_rectangle(&self, element: &gst_base::BaseSink, rectangle: RenderRectangle) {
        let presenter = {
            let mut state = self.state();
            state.rectangle = rectangle.0;
            state.presenter.clone()
        };
        if let Some(presenter) = presenter {
            presenter.take_rectangle(rectangle.0);
        }
        self.show_again(element);
    }

    /// How frames are turned from now on, the one that is shown included.
    pub(crate) fn set_orientation(&self, element: &gst_base::BaseSink, orientation: Orientation) {
        self.state().orientation = orientation;
        self.show_again(element);
    }

    /// Shows the newest frame again, where it belongs now. Waits for nobody: who is at it already does this afterwards.
    pub(crate) fn show_again(&self, element: &gst_base::BaseSink) {
        self.is_misplaced.store(true, Ordering::SeqCst);
        self.mend(element);
    }

    /// Places anew what was asked for meanwhile; follows every turn.
    pub(super) fn mend(&self, element: &gst_base::BaseSink) {
        while self.is_misplaced.load(Ordering::SeqCst) {
            let turn = match self.turn.try_lock() {
                Ok(turn) => turn,
                Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            if self.is_misplaced.swap(false, Ordering::SeqCst) {
                self.place_again(element);
            }
            drop(turn);
        }
    }

    fn place_again(&self, element: &gst_base::BaseSink) {
        let (presenter, picture, visible, stream) = {
            let state = self.state();
            let (Some(presenter), Some(shown)) = (&state.presenter, &state.shown) else {
                return;
            };
            let (picture, stream) = (shown.picture.clone(), Arc::clone(&shown.stream));
            (Arc::clone(presenter), picture, shown.visible, stream)
        };
        let frame = picture.as_ref().map(|picture| &picture.frame);
        let placement = self.place(element, &presenter, &stream, visible, frame);
        let result = match (presenter.rearrange(&placement), &picture) {
            (Some(result), _) => result,
            (None, Some(picture)) => self.submit(element, &presenter, picture, &placement, false),
            (None, None) => Ok(()),
        };
        match result {
            Ok(()) => {
                if let Some(shown) = &mut self.state().shown {
                    shown.placement = placement;
                }
            }
            // The next frame meets it, too, and tells.
            Err(error) => {
                let why = error.text();
                gst::debug!(P::category(), obj = element, "not shown again: {why}");
            }
        }
    }
}

/// A rectangle as `GstVideoOverlay` gives it; `None` is the whole display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RenderRectangle(Option<Rect>);

impl RenderRectangle {
    /// Pixels from the left top corner of the display. What lies beyond that corner is cut; a rectangle without
    /// size, such as the -1 by -1 of an application that wants none, is the whole display.
    pub(crate) fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        let side = |start: i32, length: i32| {
            let end = i64::from(start) + i64::from(length);
            let start = i64::from(start).max(0);
            let length = u32::try_from(end - start).ok().filter(|&it| it > 0)?;
            Some((u32::try_from(start).ok()?, length))
        };
        let rect = (width > 0 && height > 0)
            .then(|| {
                let ((x, width), (y, height)) = (side(x, width)?, side(y, height)?);
                Some(Rect::new(x, y, width, height))
            })
            .flatten();
        Self(rect)
    }

    /// The value of the property `render-rectangle`: an array of x, y, width and height.
    pub(crate) fn from_value(value: &glib::Value) -> Option<Self> {
        let array = value.get::<gst::Array>().ok()?;
        let numbers: Vec<i32> = array.iter().filter_map(|it| it.get().ok()).collect();
        match numbers[..] {
            [x, y, width, height] => Some(Self::new(x, y, width, height)),
            _ => None,
        }
    }
}

/// The specification of [`RENDER_RECTANGLE`].
pub(crate) fn rectangle_spec() -> glib::ParamSpec {
    let number = glib::ParamSpecInt::builder("rect-value")
        .nick("Rectangle value")
        .blurb("One of x, y, width and height, in pixels")
        .minimum(-1)
        .build();
    gst::ParamSpecArray::builder(RENDER_RECTANGLE)
        .nick("Render rectangle")
        .blurb("Where the picture goes, <x, y, width, height> in pixels of the display (<-1, -1, -1, -1> = all of it)")
        .element_spec(&number)
        .write_only()
        .mutable_playing()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_without_size_is_the_whole_display() {
        let whole = RenderRectangle(None);
        assert_eq!(RenderRectangle::new(-1, -1, -1, -1), whole);
        assert_eq!(RenderRectangle::new(10, 10, 0, 5), whole);
        assert_eq!(RenderRectangle::new(-20, 0, 10, 10), whole);
    }

    #[test]
    fn what_lies_beyond_the_corner_is_cut() {
        let cut = RenderRectangle::new(-10, 20, 100, 50);
        assert_eq!(cut, RenderRectangle(Some(Rect::new(0, 20, 90, 50))));
        let far = RenderRectangle::new(i32::MAX, i32::MAX, i32::MAX, i32::MAX);
        assert!(far.0.is_some());
    }

    #[test]
    fn the_property_is_an_array_of_four() {
        gst::init().expect("GStreamer initialises");
        let value = |numbers: &[i32]| gst::Array::new(numbers).to_value();
        let rectangle = RenderRectangle::from_value(&value(&[1, 2, 3, 4]));
        assert_eq!(rectangle, Some(RenderRectangle::new(1, 2, 3, 4)));
        assert_eq!(RenderRectangle::from_value(&value(&[1, 2, 3])), None);
    }
}
