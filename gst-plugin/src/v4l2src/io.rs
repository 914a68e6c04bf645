//! How frames get from the driver to downstream.

use gst::glib;

/// The property `io`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstDmaheapV4l2Io")]
pub(crate) enum Io {
    /// The first that works, in the order of the others.
    #[default]
    #[enum_value(name = "Import, else export, else copy", nick = "auto")]
    Auto,
    /// `V4L2_MEMORY_DMABUF` with frames of a heap.
    #[enum_value(
        name = "The driver writes into dma-bufs that suit all devices",
        nick = "import"
    )]
    Import,
    /// `V4L2_MEMORY_MMAP` with `VIDIOC_EXPBUF`.
    #[enum_value(
        name = "Downstream gets the driver's own memory as dma-bufs",
        nick = "export"
    )]
    Export,
    /// `V4L2_MEMORY_MMAP`, copied into frames of a heap.
    #[enum_value(
        name = "Every frame is copied out of the driver's memory",
        nick = "mmap"
    )]
    Mmap,
}

impl Io {
    /// The ways to try, in this order.
    pub(super) const fn ways(self) -> &'static [Self] {
        match self {
            Self::Auto => &[Self::Import, Self::Export, Self::Mmap],
            Self::Import => &[Self::Import],
            Self::Export => &[Self::Export],
            Self::Mmap => &[Self::Mmap],
        }
    }

    /// The name in messages and in `stats`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Import => "import",
            Self::Export => "export",
            Self::Mmap => "mmap",
        }
    }
}
