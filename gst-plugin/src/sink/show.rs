//! Handing frames over.

use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{Frame, Placement, Rect};
use gst::prelude::*;
use gst_base::prelude::*;

use super::picture::{BufferId, Picture, Shown, Way};
use super::presenter::{Presenter, ShowError};
use super::state::SinkCore;
use super::stream::Stream;
use super::timing::Departure;
use crate::stats::Counter;
use crate::sync::lock;

impl<P: Presenter> SinkCore<P> {
    /// Hands a frame to the presenter and returns as soon as it is taken.
    pub(crate) fn show(
        &self,
        element: &gst_base::BaseSink,
        buffer: &gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let of = BufferId::of(buffer);
        let (presenter, stream) = {
            let state = self.state();
            if of.is_some() && state.shown.as_ref().is_some_and(|shown| shown.of == of) {
                return Ok(gst::FlowSuccess::Ok);
            }
            let parts = (state.presenter.clone(), state.stream.clone());
            let (Some(presenter), Some(stream)) = parts else {
                return Err(gst::FlowError::NotNegotiated);
            };
            (presenter, stream)
        };
        self.path.add(Counter::Frames, 1);
        let mut way = self.way(element, &presenter, &stream, buffer)?;
        loop {
            let picture = match &way {
                Way::Import(picture) => picture,
                Way::OwnCopy(reason, why) => {
                    let why = (*reason, &**why);
                    return self.show_own_copy(element, &presenter, &stream, buffer, why);
                }
            };
            match self.put(element, &presenter, &stream, picture, of) {
                Ok(()) => {
                    self.count(element, picture.path);
                    return Ok(gst::FlowSuccess::Ok);
                }
                Err(ShowError::Import(why)) => {
                    let refused = (picture, why.as_str());
                    way = self.way_around(element, &presenter, &stream, buffer, refused)?;
                }
                Err(error) => wait_or_fail(element, error)?,
            }
        }
    }

    /// After a flush, the next frame is a new one, even in the same buffer and at the same time.
    pub(crate) fn expect_new_frame(&self) {
        if let Some(shown) = &mut self.state().shown {
            shown.of = None;
        }
    }

    /// Shows a picture in the place of the one before.
    fn put(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        stream: &Arc<Stream>,
        picture: &Picture,
        of: Option<BufferId>,
    ) -> Result<(), ShowError> {
        let turn = lock(&self.turn);
        let layout = picture.frame.layout();
        let visible = visible_part(&picture.buffer, layout.width(), layout.height());
        let placement = self.place(element, presenter, stream, visible, Some(&picture.frame));
        self.submit(element, presenter, picture, &placement, true)?;
        let shown = Shown {
            picture: Some(picture.clone()),
            visible,
            placement,
            stream: Arc::clone(stream),
            of,
        };
        let before = self.state().shown.replace(shown);
        drop(turn);
        drop(before);
        self.mend(element);
        Ok(())
    }

    /// One attempt to hand a frame over, timed.
    pub(super) fn submit(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        picture: &Picture,
        placement: &Placement,
        is_new: bool,
    ) -> Result<(), ShowError> {
        let departure = departure(element, &picture.buffer, is_new);
        self.timing().departed(departure);
        let keep = Box::new(picture.buffer.clone());
        let result = presenter.show(&picture.frame, placement, keep);
        match &result {
            Ok(ticket) => self.timing().taken(*ticket),
            Err(_) => self.timing().returned(),
        }
        result.map(drop)
    }

    /// Where the visible part of a frame goes; the first frame of a stream finds out whether it can be scaled.
    pub(super) fn place(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        stream: &Stream,
        visible: Rect,
        frame: Option<&Frame>,
    ) -> Placement {
        let (wanted, orientation) = {
            let state = self.state();
            (state.rectangle, state.orientation)
        };
        // What is shown next is placed by this, and no other thread has its turn before it is.
        presenter.turn(orientation);
        let wanted = wanted.filter(|_| !presenter.is_the_rectangle());
        let screen = presenter.area();
        let area = wanted.and_then(|it| clip((it.x, it.y, it.width, it.height), screen));
        stream.place(
            (visible, orientation),
            area.unwrap_or(screen),
            self.force_aspect_ratio(),
            |scaled| {
                let scales = presenter.test(frame, scaled);
                gst::debug!(P::category(), obj = element, "scaling, {scaled}: {scales}");
                scales
            },
        )
    }
}

/// Waits until flushing ends; every other error ends the stream.
pub(super) fn wait_or_fail(
    element: &gst_base::BaseSink,
    error: ShowError,
) -> Result<(), gst::FlowError> {
    match error {
        ShowError::Flushing => element.wait_preroll().map(drop),
        // The event that came with it has been told already.
        ShowError::Lost => Err(gst::FlowError::Error),
        ShowError::Import(text) | ShowError::Failed(text) => {
            gst::element_error!(element, gst::ResourceError::Write, ("{text}"));
            Err(gst::FlowError::Error)
        }
    }
}

/// The part of a frame that is picture.
pub(super) fn visible_part(buffer: &gst::BufferRef, width: u32, height: u32) -> Rect {
    let whole = Rect::new(0, 0, width, height);
    let crop = buffer.meta::<gst_video::VideoCropMeta>();
    let visible = crop.and_then(|crop| clip(crop.rect(), whole));
    visible.unwrap_or(whole)
}

pub(super) fn departure(
    element: &gst_base::BaseSink,
    buffer: &gst::BufferRef,
    is_new: bool,
) -> Departure {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let at = Duration::try_from(now).unwrap_or_default();
    let frame_time = element
        .segment()
        .downcast_ref::<gst::ClockTime>()
        .zip(buffer.pts())
        .and_then(|(segment, pts)| segment.to_running_time(pts));
    let age = element
        .current_running_time()
        .zip(frame_time)
        .and_then(|(now, then)| now.checked_sub(then));
    Departure {
        at,
        is_new,
        age: age.map(Into::into),
    }
}

/// The part of a rectangle that lies inside `whole`, whose corner is at 0, 0; `None` where nothing of it does.
fn clip((x, y, width, height): (u32, u32, u32, u32), whole: Rect) -> Option<Rect> {
    let width = width.min(whole.width.checked_sub(x)?);
    let height = height.min(whole.height.checked_sub(y)?);
    (width > 0 && height > 0).then_some(Rect::new(x, y, width, height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_never_leaves_the_picture() {
        let whole = Rect::new(0, 0, 640, 480);
        let inside = clip((8, 6, 64, 48), whole);
        assert_eq!(inside, Some(Rect::new(8, 6, 64, 48)));
        let cut = clip((600, 0, 100, 480), whole);
        assert_eq!(cut, Some(Rect::new(600, 0, 40, 480)));
        assert_eq!(clip((640, 0, 1, 1), whole), None);
        assert_eq!(clip((0, 0, 0, 1), whole), None);
    }
}
