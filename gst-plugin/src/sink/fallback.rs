//! The way to a display that can read no memory of ours: one copy by the CPU, into memory of the display's own.

use std::sync::Arc;

use dmabuf_heap::{FrameLayout, Placement};
use gst_video::prelude::*;

use super::picture::Shown;
use super::presenter::{OwnCopy, Pixels, Presenter, ShowError};
use super::show::{departure, visible_part, wait_or_fail};
use super::state::SinkCore;
use super::stream::Stream;
use crate::frame;
use crate::report::chain;
use crate::stats::{CopyReason, Counter, Path};
use crate::sync::lock;

impl<P: Presenter> SinkCore<P> {
    /// Shows a copy of a buffer; why nothing else can be done is told and counted.
    pub(super) fn show_own_copy(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        stream: &Arc<Stream>,
        buffer: &gst::Buffer,
        (reason, why): (CopyReason, &str),
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let cost = loop {
            match self.put_own_copy(element, presenter, stream, buffer) {
                Ok(cost) => break cost,
                Err(error) => wait_or_fail(element, error)?,
            }
        };
        self.path.count_copy(reason, cost.bytes);
        self.path.add(Counter::SyncIoctls, cost.sync_ioctls);
        self.tell_path(element, Path::Copy, why);
        Ok(gst::FlowSuccess::Ok)
    }

    fn put_own_copy(
        &self,
        element: &gst_base::BaseSink,
        presenter: &P,
        stream: &Arc<Stream>,
        buffer: &gst::Buffer,
    ) -> Result<OwnCopy, ShowError> {
        let info = stream.video.info();
        let meta = buffer.meta::<gst_video::VideoMeta>();
        let size = meta.map_or((info.width(), info.height()), |it| {
            (it.width(), it.height())
        });
        let visible = visible_part(buffer, size.0, size.1);

        let turn = lock(&self.turn);
        let placement = self.place(element, presenter, stream, visible, None);
        self.timing().departed(departure(element, buffer, true));
        let result = match frame::frame_of(buffer, &stream.video) {
            Ok(frame) => own_copy(presenter, Pixels::Frame(&frame), &placement),
            Err(_no_dmabuf) => copy_rows(presenter, stream, buffer, size, &placement),
        };
        match &result {
            Ok(cost) => self.timing().taken(cost.ticket),
            Err(_) => self.timing().returned(),
        }
        let cost = result?;
        let shown = Shown {
            picture: None,
            visible,
            placement,
            stream: Arc::clone(stream),
            of: super::picture::BufferId::of(buffer),
        };
        let before = self.state().shown.replace(shown);
        drop(turn);
        drop(before);
        self.mend(element);
        Ok(cost)
    }
}

fn own_copy<P: Presenter>(
    presenter: &P,
    pixels: Pixels<'_>,
    placement: &Placement,
) -> Result<OwnCopy, ShowError> {
    presenter.show_copy(pixels, placement).unwrap_or_else(|| {
        let text = "the display has no memory of its own to copy frames to";
        Err(ShowError::Failed(text.to_owned()))
    })
}

/// A copy of a buffer in ordinary memory.
fn copy_rows<P: Presenter>(
    presenter: &P,
    stream: &Stream,
    buffer: &gst::Buffer,
    (width, height): (u32, u32),
    placement: &Placement,
) -> Result<OwnCopy, ShowError> {
    let failed = |text: String| ShowError::Failed(format!("the frame cannot be copied: {text}"));
    let video = &stream.video;
    let layout = FrameLayout::linear(video.format().fourcc, width, height, 1)
        .map_err(|error| failed(chain(&error)))?;
    let source = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, video.info())
        .map_err(|error| failed(error.to_string()))?;
    let strides = source.plane_stride().iter();
    let planes = (0..)
        .zip(strides)
        .map(|(index, &stride)| {
            let rows = source.plane_data(index);
            let rows = rows.map_err(|error| failed(error.to_string()))?;
            let stride = usize::try_from(stride)
                .map_err(|_negative| failed("its rows lie bottom-up".to_owned()))?;
            Ok((rows, stride))
        })
        .collect::<Result<Vec<_>, ShowError>>()?;
    let mut fill = |plane: usize, row: u32, target: &mut [u8]| {
        let Some(&(rows, stride)) = planes.get(plane) else {
            return;
        };
        let row = rows.get(stride * row as usize..).unwrap_or_default();
        let len = row.len().min(target.len());
        target[..len].copy_from_slice(&row[..len]);
    };
    own_copy(presenter, Pixels::Rows(&layout, &mut fill), placement)
}
