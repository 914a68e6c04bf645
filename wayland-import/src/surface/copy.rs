//! The way through `wl_shm`: one copy by the CPU, for compositors that import nothing.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use dmabuf_heap::{Format, Frame, FrameLayout, Placement};

use super::core::lock;
use super::picture::Picture;
use super::view::View;
use super::{CopyCost, ShowError, Surface};
use crate::contain::Keep;
use crate::display::Display;
use crate::link::Link;
use crate::shm::{ShmBuffer, ShmError};

/// The buffers for copies of one kind of picture; those that nobody holds are free.
#[derive(Debug, Default)]
pub(super) struct Copies(Mutex<Vec<Arc<ShmBuffer>>>);

/// A copy that was made.
#[derive(Debug)]
struct Copy {
    buffer: Arc<ShmBuffer>,
    bytes: u64,
    sync_ioctls: u64,
}

impl Surface {
    /// Shows a copy of a frame, made by the CPU now, through `wl_shm`. The frame itself is free on return.
    ///
    /// # Errors
    ///
    /// As of [`show`](Surface::show); the CPU cannot read the frame; or `wl_shm` does not take its format.
    pub fn show_copy(&self, frame: &Frame, placement: &Placement) -> Result<CopyCost, ShowError> {
        check(&self.display, frame.layout().format())?;
        self.display.link().catch_up();
        let view = self.view(frame.layout(), placement)?;
        let copy = self.copies.of_frame(self.display.link(), frame)?;
        self.submit_copy(copy, view)
    }

    /// Shows a picture that is no dma-buf, through `wl_shm`. `fill` is called for each row of each plane, from the top,
    /// with the numbers of plane and row and the bytes to be filled. Planes are in the order of their memory.
    ///
    /// # Errors
    ///
    /// As of [`show_copy`](Surface::show_copy).
    pub fn show_rows(
        &self,
        layout: &FrameLayout,
        placement: &Placement,
        fill: &mut dyn FnMut(usize, u32, &mut [u8]),
    ) -> Result<CopyCost, ShowError> {
        check(&self.display, layout.format())?;
        self.display.link().catch_up();
        let view = self.view(layout, placement)?;
        let copy = self.copies.of_rows(self.display.link(), layout, fill)?;
        self.submit_copy(copy, view)
    }

    fn submit_copy(&self, copy: Copy, view: View) -> Result<CopyCost, ShowError> {
        let picture = Picture::Copied(copy.buffer);
        let number = self.core.submit(picture, view, Keep::nothing());
        self.send();
        let frame = number?;
        let mut state = self.core.lock();
        state.stats.copies += 1;
        state.stats.copied_bytes += copy.bytes;
        Ok(CopyCost {
            frame,
            bytes: copy.bytes,
            sync_ioctls: copy.sync_ioctls,
        })
    }
}

impl Copies {
    /// A copy of a frame.
    fn of_frame(&self, link: &Link, frame: &Frame) -> Result<Copy, ShowError> {
        let buffer = self.take(link, frame.layout())?;
        let mapping = frame.map()?;
        let access = mapping.read()?;
        buffer.fill(|plane, row, bytes| access.read_row(plane, row, bytes))?;
        access.finish()?;
        Ok(Copy {
            bytes: buffer.picture_bytes(),
            buffer,
            // A begin and an end for each dma-buf.
            sync_ioctls: 2 * frame.dmabufs().count() as u64,
        })
    }

    /// A picture that the caller makes.
    fn of_rows(
        &self,
        link: &Link,
        layout: &FrameLayout,
        fill: &mut dyn FnMut(usize, u32, &mut [u8]),
    ) -> Result<Copy, ShowError> {
        let buffer = self.take(link, layout)?;
        let filled: Result<(), Infallible> = buffer.fill(|plane, row, bytes| {
            fill(plane, row, bytes);
            Ok(())
        });
        let Ok(()) = filled;
        Ok(Copy {
            bytes: buffer.picture_bytes(),
            buffer,
            sync_ioctls: 0,
        })
    }

    /// A free buffer for such pictures. Those for others are dropped: what the compositor still has keeps itself.
    fn take(&self, link: &Link, picture: &FrameLayout) -> Result<Arc<ShmBuffer>, ShowError> {
        let mut buffers = lock(&self.0);
        buffers.retain(|buffer| buffer.suits(picture));
        if let Some(free) = buffers.iter().find(|buffer| Arc::strong_count(buffer) == 1) {
            return Ok(Arc::clone(free));
        }
        let buffer = ShmBuffer::new(link, picture).map_err(|error| match error {
            ShmError::Format => ShowError::ShmFormat {
                display: link.name.clone(),
                format: picture.format(),
                formats: link.offers.shm_formats.clone(),
            },
            ShmError::Subsampling => ShowError::ShmSize {
                display: link.name.clone(),
                format: picture.format(),
                size: (picture.width(), picture.height()),
            },
            ShmError::Memory { len, reason } => ShowError::ShmMemory {
                display: link.name.clone(),
                len,
                reason,
            },
        })?;
        let buffer = Arc::new(buffer);
        buffers.push(Arc::clone(&buffer));
        Ok(buffer)
    }
}

/// Whether the compositor takes this format through `wl_shm`.
fn check(display: &Display, format: Format) -> Result<(), ShowError> {
    if let Some(error) = display.lost() {
        return Err(ShowError::Lost(error));
    }
    let formats = &display.offers().shm_formats;
    if formats.contains(format) {
        return Ok(());
    }
    Err(ShowError::ShmFormat {
        display: display.name().to_owned(),
        format,
        formats: formats.clone(),
    })
}
