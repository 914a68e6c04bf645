use std::fmt;

use dmabuf_heap::{Fourcc, YuvColor};

/// One end of a conversion: which pixels, how many, and what their numbers mean. Not how they lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Picture {
    /// The pixels.
    pub fourcc: Fourcc,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Matrix and range of YUV; of grey only the range counts, unless it is made from RGB. Without meaning for RGB, which is
    /// always of full range.
    pub color: YuvColor,
}

impl fmt::Display for Picture {
    /// With the colour where it means something: `NV12 640x480 (BT.601 in limited range)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            fourcc,
            width,
            height,
            color,
        } = self;
        write!(f, "{fourcc} {width}x{height}")?;
        if crate::format::Shape::of(*fourcc).is_some_and(|shape| !shape.is_rgb()) {
            write!(f, " ({color})")?;
        }
        Ok(())
    }
}
