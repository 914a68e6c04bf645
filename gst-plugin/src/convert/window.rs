//! Pictures that are a part of what lies in memory: `GstVideoCropMeta`, as `videocrop` leaves it to whoever reads the pixels.

use std::sync::Arc;

use dmabuf_heap::Rect;
use gst::subclass::prelude::*;
use gst_video::{VideoCropMeta, VideoMeta};

use super::imp::{CAT, Convert};
use super::task::Task;
use crate::caps::VideoCaps;

/// Where the picture lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Width and height of what is in memory.
    pub whole: (u32, u32),
    /// The picture, as large as the caps say.
    pub part: Rect,
}

/// The picture is not there.
#[derive(Debug, thiserror::Error)]
#[error(
    "upstream says by GstVideoCropMeta that the picture is the part {part} of {}x{} pixels, and by caps that it has {}x{}",
    whole.0, whole.1, caps.0, caps.1
)]
pub(super) struct NoWindow {
    part: Rect,
    whole: (u32, u32),
    caps: (u32, u32),
}

impl Window {
    /// What `buffer` says of itself; `None` where the picture is all that there is.
    ///
    /// # Errors
    ///
    /// The part is none of that size, or lies outside.
    pub(super) fn of(buffer: &gst::BufferRef, caps: &VideoCaps) -> Result<Option<Self>, NoWindow> {
        let Some(crop) = buffer.meta::<VideoCropMeta>() else {
            return Ok(None);
        };
        let caps = (caps.info().width(), caps.info().height());
        let whole = buffer.meta::<VideoMeta>();
        let whole = whole.map_or(caps, |meta| (meta.width(), meta.height()));
        let (x, y, width, height) = crop.rect();
        let part = Rect::new(x, y, width, height);
        if (width, height) != caps || !part.fits_in(whole.0, whole.1) {
            return Err(NoWindow { part, whole, caps });
        }
        Ok((whole != caps).then_some(Self { whole, part }))
    }
}

impl Convert {
    /// The task for pictures that lie as the one in `buffer` does: another one where they lay elsewhere before.
    ///
    /// # Errors
    ///
    /// No backend takes that part of a picture; the element has said so.
    pub(super) fn task_for(
        &self,
        task: Arc<Task>,
        buffer: &gst::BufferRef,
    ) -> Result<Arc<Task>, gst::FlowError> {
        let window = Window::of(buffer, &task.settled.from).map_err(|error| {
            gst::element_imp_error!(self, gst::StreamError::Format, ("{error}"));
            gst::FlowError::Error
        })?;
        if window == task.window {
            return Ok(task);
        }
        let job = window.map_or_else(|| Some(task.settled.clone()), |it| task.settled.within(&it));
        let job = job.ok_or(gst::FlowError::NotNegotiated)?;
        let (backend, objections) = self.backends().choose(&job).map_err(|nobody| {
            gst::element_imp_error!(self, gst::StreamError::Format, ("{nobody}"));
            gst::FlowError::Error
        })?;
        gst::info!(CAT, imp = self, "{job} by {}; {objections}", backend.name());
        let next = Arc::new(Task::looking_through(
            &task, window, job, backend, objections,
        ));
        self.replace_task(Some(Arc::clone(&next)));
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps() -> VideoCaps {
        gst::init().expect("GStreamer");
        let caps: gst::Caps = "video/x-raw,format=NV12,width=64,height=48,framerate=30/1"
            .parse()
            .expect("caps syntax");
        VideoCaps::parse(&caps).expect("video")
    }

    fn buffer(whole: (u32, u32), part: Option<(u32, u32, u32, u32)>) -> gst::Buffer {
        let mut buffer =
            gst::Buffer::with_size((whole.0 * whole.1 * 3 / 2) as usize).expect("memory");
        let inner = buffer.get_mut().expect("writable");
        let flags = gst_video::VideoFrameFlags::empty();
        VideoMeta::add(inner, flags, gst_video::VideoFormat::Nv12, whole.0, whole.1).expect("meta");
        if let Some(part) = part {
            VideoCropMeta::add(inner, part);
        }
        buffer
    }

    #[test]
    fn a_picture_lies_where_its_meta_says() {
        let caps = caps();
        let window = |whole, part| Window::of(&buffer(whole, part), &caps);
        assert_eq!(window((64, 48), None).expect("all"), None);
        assert_eq!(window((64, 48), Some((0, 0, 64, 48))).expect("all"), None);
        let part = window((80, 60), Some((8, 6, 64, 48))).expect("a part");
        let part = part.expect("not all");
        assert_eq!((part.whole, part.part), ((80, 60), Rect::new(8, 6, 64, 48)));
        for outside in [(20, 0, 64, 48), (0, 0, 60, 48)] {
            let error = window((80, 60), Some(outside)).expect_err("no such part");
            let text = error.to_string();
            assert!(text.contains("80x60") && text.contains("64x48"), "{text}");
        }
    }
}
