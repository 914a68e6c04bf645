//! What a card takes, whichever output it is for.

use std::io;
use std::ops::{Bound, RangeBounds};

use dmabuf_heap::{FormatSet, Fourcc};

use super::Device;
use crate::plane;

impl Device {
    /// What the planes of the card take between them; cursors are left out.
    ///
    /// # Errors
    ///
    /// What the kernel said to `GETPLANERESOURCES`, `GETPLANE` or about a property.
    pub fn formats(&self) -> io::Result<FormatSet> {
        if let Some(formats) = self.formats.get() {
            return Ok(formats.clone());
        }
        let formats = plane::all_formats(&self.card)?;
        Ok(self.formats.get_or_init(|| formats).clone())
    }

    /// Width and height in pixels of the smallest and of the largest framebuffer.
    pub(crate) fn size_bounds(&self) -> ((u32, u32), (u32, u32)) {
        let (width, height) = (
            range(&self.resources.supported_fb_width()),
            range(&self.resources.supported_fb_height()),
        );
        ((width.0, height.0), (width.1, height.1))
    }

    /// Bytes of which strides must be a multiple for pictures of this format; 1 where nothing is known.
    pub(crate) fn stride_align(&self, fourcc: Fourcc) -> u32 {
        self.stride_rules.align(self, fourcc)
    }
}

fn range(bounds: &impl RangeBounds<u32>) -> (u32, u32) {
    let value = |bound| match bound {
        Bound::Included(&value) => Some(value),
        Bound::Excluded(_) | Bound::Unbounded => None,
    };
    (
        value(bounds.start_bound()).unwrap_or(0),
        value(bounds.end_bound()).unwrap_or(u32::MAX),
    )
}
