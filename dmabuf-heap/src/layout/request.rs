use crate::{CpuUse, Format, Fourcc, FrameLayout, FrameSpec, LayoutError, Modifier, PixelFormat};

use super::linear;

/// A picture and the conditions that its layout must meet; what an allocator is asked for.
///
/// ```
/// use dmabuf_heap::{Fourcc, LayoutRequest};
///
/// let request = LayoutRequest::new(Fourcc::NV12, 1366, 768).stride_align(64).min_len(1_600_000);
/// let layout = request.layout()?;
/// assert_eq!(layout.planes()[0].stride, 1408);
/// assert_eq!(layout.planes()[1].offset, 1408 * 768);
/// assert_eq!(request.len()?, 1_622_016);
/// # Ok::<(), dmabuf_heap::LayoutError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LayoutRequest {
    spec: FrameSpec,
    stride_align: u32,
    plane_strides: Vec<u32>,
    plane_offsets: Vec<u64>,
    min_len: u64,
}

impl LayoutRequest {
    /// A linear picture without further conditions, which only devices touch.
    pub const fn new(fourcc: Fourcc, width: u32, height: u32) -> Self {
        Self::for_spec(FrameSpec::new(fourcc, width, height))
    }

    /// The picture that `spec` describes, without further conditions.
    pub const fn for_spec(spec: FrameSpec) -> Self {
        Self {
            spec,
            stride_align: 1,
            plane_strides: Vec::new(),
            plane_offsets: Vec::new(),
            min_len: 0,
        }
    }

    /// The layout is of this modifier. Heaps only know linear.
    #[must_use]
    pub const fn modifier(mut self, modifier: Modifier) -> Self {
        self.spec.modifier = modifier;
        self
    }

    /// What the CPU does with the pixels.
    #[must_use]
    pub const fn cpu(mut self, cpu: CpuUse) -> Self {
        self.spec.cpu = cpu;
        self
    }

    /// Every stride is a multiple of this many bytes. Without meaning for strides that are given.
    #[must_use]
    pub const fn stride_align(mut self, bytes: u32) -> Self {
        self.stride_align = bytes;
        self
    }

    /// The strides that a driver insists on, in bytes: one for each plane, or only the first, from which the others
    /// follow.
    #[must_use]
    pub fn plane_strides(mut self, bytes: &[u32]) -> Self {
        self.plane_strides = bytes.to_vec();
        self
    }

    /// Where each plane starts in the one dma-buf, in bytes.
    #[must_use]
    pub fn plane_offsets(mut self, bytes: &[u64]) -> Self {
        self.plane_offsets = bytes.to_vec();
        self
    }

    /// The dma-buf is at least this long, in bytes: V4L2's `sizeimage`, or padding behind the last plane.
    #[must_use]
    pub const fn min_len(mut self, bytes: u64) -> Self {
        self.min_len = bytes;
        self
    }

    /// The picture that is asked for.
    pub const fn spec(&self) -> &FrameSpec {
        &self.spec
    }

    /// Fourcc and modifier of the picture.
    pub const fn format(&self) -> Format {
        Format {
            fourcc: self.spec.fourcc,
            modifier: self.spec.modifier,
        }
    }

    /// What [`min_len`](Self::min_len) was set to, in bytes; 0 means no condition.
    pub const fn min_dmabuf_len(&self) -> u64 {
        self.min_len
    }

    /// The smallest linear layout that meets the conditions, with all planes in one dma-buf.
    ///
    /// # Errors
    ///
    /// As [`FrameLayout::linear`]; also a modifier that is not linear, strides that do not hold a row, planes that
    /// overlap, and as many strides or offsets as the format has no planes.
    pub fn layout(&self) -> Result<FrameLayout, LayoutError> {
        let FrameSpec {
            width,
            height,
            fourcc,
            modifier,
            cpu: _,
        } = self.spec;
        if modifier != Modifier::LINEAR {
            return Err(LayoutError::NotLinear(self.format()));
        }
        let minimal = FrameLayout::linear(fourcc, width, height, self.stride_align)?;
        if self.plane_strides.is_empty() && self.plane_offsets.is_empty() {
            return Ok(minimal);
        }
        let format = PixelFormat::find(fourcc).ok_or(LayoutError::UnknownFormat(fourcc))?;
        let expected = format.planes().len();
        let count_error = |got| LayoutError::PlaneCount {
            fourcc,
            expected,
            got,
        };

        let strides = match *self.plane_strides.as_slice() {
            [] => minimal.planes().iter().map(|plane| plane.stride).collect(),
            [first] => linear::strides(format, width, height, first)?[..expected].to_vec(),
            ref all if all.len() == expected => all.to_vec(),
            ref other => return Err(count_error(other.len())),
        };
        if !self.plane_offsets.is_empty() && self.plane_offsets.len() != expected {
            return Err(count_error(self.plane_offsets.len()));
        }
        linear::stack(format, width, height, &strides, &self.plane_offsets)
    }

    /// Bytes to allocate: what the layout needs and [`min_len`](Self::min_len) asks for.
    ///
    /// # Errors
    ///
    /// As [`layout`](Self::layout).
    #[expect(
        clippy::len_without_is_empty,
        reason = "a request is never empty: a picture without pixels is an error"
    )]
    pub fn len(&self) -> Result<u64, LayoutError> {
        Ok(self.layout()?.size().max(self.min_len))
    }
}
