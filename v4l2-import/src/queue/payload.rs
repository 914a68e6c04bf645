use std::time::Duration;

use crate::uapi;

/// What a program says of a frame that it gives to an output queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub(super) timestamp: Duration,
    pub(super) field: u32,
    pub(super) bytes_used: Option<[u32; uapi::MAX_BUFFER_PLANES]>,
}

impl Payload {
    /// A whole progressive picture. A mem2mem device hands the timestamp on to what it makes of the picture.
    pub const fn new(timestamp: Duration) -> Self {
        Self {
            timestamp,
            field: uapi::FIELD_NONE,
            bytes_used: None,
        }
    }

    /// `enum v4l2_field`.
    #[must_use]
    pub const fn field(mut self, field: u32) -> Self {
        self.field = field;
        self
    }

    /// How many bytes of each plane are used, from the start of the memory, for pictures that do not fill it: compressed ones.
    /// Planes that are not named are empty.
    #[must_use]
    pub fn bytes_used(mut self, planes: &[u32]) -> Self {
        let mut bytes_used = [0; uapi::MAX_BUFFER_PLANES];
        for (used, &plane) in bytes_used.iter_mut().zip(planes) {
            *used = plane;
        }
        self.bytes_used = Some(bytes_used);
        self
    }
}
