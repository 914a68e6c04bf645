//! The way through `wl_shm`: one copy by the CPU, for compositors that import nothing.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use dmabuf_heap::{Format, Frame, FrameLayout};

use super::ShowError;
use super::core::lock;
use crate::display::Display;
use crate::link::Link;
use crate::shm::{ShmBuffer, ShmError};

/// The buffers for copies of one kind of picture; those that nobody holds are free.
#[derive(Debug, Default)]
pub(super) struct Copies(Mutex<Vec<Arc<ShmBuffer>>>);

/// A copy that was made.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) buffer: Arc<ShmBuffer>,
    pub(super) bytes: u64,
    pub(super) sync_ioctls: u64,
}

impl Copies {
    /// A copy of a frame.
    pub(super) fn of_frame(&self, link: &Link, frame: &Frame) -> Result<Copy, ShowError> {
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
    pub(super) fn of_rows(
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
pub(super) fn check(display: &Display, format: Format) -> Result<(), ShowError> {
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
