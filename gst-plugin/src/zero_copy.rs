//! Whether frames may be copied: the value of a property that all elements share.

use gst::glib;

/// Whether an element may copy a frame that it cannot pass on as it is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstDmaheapZeroCopy")]
pub(crate) enum ZeroCopy {
    /// Copies are made where there is no other way, and counted.
    #[default]
    #[enum_value(
        name = "Copy where there is no other way, and count it",
        nick = "preferred"
    )]
    Preferred,
    /// A frame that would have to be copied is an error.
    #[enum_value(name = "Fail rather than copy", nick = "required")]
    Required,
}
