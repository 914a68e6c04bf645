use std::fmt;

/// Which way pixels flow between a device and a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Out of the frame: a display, an encoder, the output queue of a mem2mem device.
    Reads,
    /// Into the frame: a camera, a decoder, the capture queue of a mem2mem device.
    Writes,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
        })
    }
}
