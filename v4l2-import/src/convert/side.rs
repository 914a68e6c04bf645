use std::fmt;

use dmabuf_heap::{Fourcc, Frame, FrameSpec, MAX_PLANES};

use crate::format::{QueueFormat, Size, V4l2Fourcc};

/// The frames on one side of a converter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    fourcc: Fourcc,
    size: Size,
    /// Where the frames are known.
    lies: Option<Lies>,
}

/// How frames lie in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lies {
    /// Bytes from row to row, of each plane.
    strides: [u32; MAX_PLANES],
    /// Planes.
    count: usize,
    /// Each plane in a dma-buf of its own.
    is_split: bool,
}

impl Side {
    /// Pictures that lie as the driver likes.
    pub const fn of(spec: &FrameSpec) -> Self {
        let size = Size {
            width: spec.width,
            height: spec.height,
        };
        Self {
            fourcc: spec.fourcc,
            size,
            lies: None,
        }
    }

    pub(super) const fn fourcc(&self) -> Fourcc {
        self.fourcc
    }

    pub(super) const fn size(&self) -> Size {
        self.size
    }

    /// Whether the frames could go by this code: it has as many buffers as they have dma-bufs.
    pub(super) fn may_be(&self, code: V4l2Fourcc) -> bool {
        self.lies
            .as_ref()
            .is_none_or(|lies| lies.is_split == code.is_split())
    }

    /// Those to ask the driver for.
    pub(super) fn strides(&self, code: V4l2Fourcc) -> &[u32] {
        match &self.lies {
            None => &[],
            Some(lies) if code.is_split() => &lies.strides[..lies.count],
            Some(lies) => &lies.strides[..1],
        }
    }

    /// Whether that is what the driver answered.
    pub(super) fn is(&self, format: &QueueFormat) -> bool {
        let is_picture = format.code.shows(self.fourcc)
            && (format.width, format.height) == (self.size.width, self.size.height);
        let wanted = self.strides(format.code);
        is_picture
            && wanted
                .iter()
                .zip(&format.buffers)
                .all(|(w, b)| *w == b.bytes_per_line)
    }

    /// Whether this frame is one of them.
    pub(super) fn describes(&self, frame: &Frame) -> bool {
        *self == Self::from(frame)
    }
}

impl From<&Frame> for Side {
    /// Frames that lie as this one does.
    fn from(frame: &Frame) -> Self {
        let layout = frame.layout();
        let mut strides = [0; MAX_PLANES];
        for (stride, plane) in strides.iter_mut().zip(layout.planes()) {
            *stride = plane.stride;
        }
        Self {
            fourcc: layout.fourcc(),
            size: Size {
                width: layout.width(),
                height: layout.height(),
            },
            lies: Some(Lies {
                strides,
                count: layout.planes().len(),
                is_split: frame.dmabufs().count() > 1,
            }),
        }
    }
}

impl fmt::Display for Side {
    /// As in `NV12 640x360, strides 640 and 640`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.fourcc, self.size)?;
        if let Some(lies) = &self.lies {
            let strides = lies.strides[..lies.count].iter().map(u32::to_string);
            let strides: Vec<_> = strides.collect();
            let word = if lies.count == 1 { "stride" } else { "strides" };
            write!(f, ", {word} {}", strides.join(" and "))?;
        }
        Ok(())
    }
}
