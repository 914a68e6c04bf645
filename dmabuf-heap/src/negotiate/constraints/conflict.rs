use std::fmt;

use crate::Wish;

use super::contradiction::write_wishes;

/// Importers whose needs exclude each other, whatever the picture.
///
/// ```
/// use dmabuf_heap::Constraints;
///
/// let camera = Constraints::of("camera vivid (/dev/video0)").stride(0, 1282);
/// let display = Constraints::of("display vkms (/dev/dri/card0)").stride_align(256);
/// assert_eq!(
///     camera.merge(&display).unwrap_err().to_string(),
///     "camera vivid (/dev/video0) wants a stride of 1282 bytes for plane 0, \
///      but display vkms (/dev/dri/card0) wants strides that are multiples of 256 bytes"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Conflict {
    wishes: Vec<Wish>,
}

impl Conflict {
    pub(super) fn new(wishes: Vec<Wish>) -> Self {
        Self { wishes }
    }

    /// The wishes that exclude each other: without any one of them the others can be met. Mostly two; one that excludes
    /// itself; more where each two can be met.
    pub fn wishes(&self) -> &[Wish] {
        &self.wishes
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_wishes(f, &self.wishes)
    }
}
