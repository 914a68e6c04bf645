use std::fmt;
use std::io;

/// An importer that does not take a frame, or no such frames at all.
///
/// ```
/// use dmabuf_heap::{Refusal, Suspect};
///
/// let refusal = Refusal {
///     importer: "camera vivid (/dev/video0)".to_owned(),
///     operation: "VIDIOC_PREPARE_BUF",
///     detail: "buffer 0, plane 0, 460800 bytes".to_owned(),
///     errno: Some(14),
///     suspect: Some(Suspect::Scattered),
/// };
/// assert_eq!(
///     refusal.to_string(),
///     "camera vivid (/dev/video0) refused at VIDIOC_PREPARE_BUF (buffer 0, plane 0, 460800 bytes): \
///      Bad address (os error 14); it probably wants contiguous memory"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{importer} refused at {operation}{}", self.reason())]
pub struct Refusal {
    /// [`Importer::name`](crate::Importer::name).
    pub importer: String,
    /// The system call or the check that failed.
    pub operation: &'static str,
    /// The numbers it failed on: size, stride, fourcc. May be empty.
    pub detail: String,
    /// The raw number of the kernel's error, where the kernel refused.
    pub errno: Option<i32>,
    /// What probably lies behind it.
    pub suspect: Option<Suspect>,
}

impl Refusal {
    /// The kernel's error.
    pub fn error(&self) -> Option<io::Error> {
        self.errno.map(io::Error::from_raw_os_error)
    }

    fn reason(&self) -> String {
        let detail = match self.detail.as_str() {
            "" => String::new(),
            detail => format!(" ({detail})"),
        };
        let error = self.error().map(|error| format!(": {error}"));
        let suspect = self.suspect.map(|suspect| format!("; {suspect}"));
        [Some(detail), error, suspect]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// What a refusal probably means. Orders the candidates that are left, and advises the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Suspect {
    /// The device has no IOMMU and wants contiguous memory.
    Scattered,
    /// The memory lies beyond the addresses that the device can reach.
    Unreachable,
    /// Strides, offsets, sizes or the format.
    Layout,
    /// The device takes no dma-buf of another device.
    Foreign,
}

impl fmt::Display for Suspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Scattered => "it probably wants contiguous memory",
            Self::Unreachable => "the memory probably lies beyond the addresses it can reach",
            Self::Layout => "it probably cannot take these strides, offsets or sizes",
            Self::Foreign => "it probably takes no memory of other devices",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_without_an_errno_says_what_is_known() {
        let refusal = Refusal {
            importer: "the CPU".to_owned(),
            operation: "mmap",
            detail: String::new(),
            errno: None,
            suspect: None,
        };
        assert_eq!(refusal.to_string(), "the CPU refused at mmap");
        assert!(refusal.error().is_none());
    }
}
