use crate::{
    CpuUse, Format, Fourcc, FrameLayout, FrameSpec, LayoutError, MAX_PLANES, Modifier, PixelFormat,
    Topology,
};

use super::frame_layout::check_size;
use super::linear::{self, Placing};

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
    offset_align: u64,
    rows: u32,
    tail: u64,
    per_plane: bool,
    min_lens: [u64; MAX_PLANES],
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
            offset_align: 1,
            rows: 0,
            tail: 0,
            per_plane: false,
            min_lens: [0; MAX_PLANES],
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

    /// Where each plane starts in its dma-buf, in bytes.
    #[must_use]
    pub fn plane_offsets(mut self, bytes: &[u64]) -> Self {
        self.plane_offsets = bytes.to_vec();
        self
    }

    /// Every plane starts at a multiple of so many bytes; 0 and 1 mean anywhere. Without meaning for offsets that are
    /// given.
    #[must_use]
    pub fn offset_align(mut self, bytes: u64) -> Self {
        self.offset_align = bytes.max(1);
        self
    }

    /// The first plane has room for so many rows, and further planes in proportion: a coded height. The picture's own
    /// height is the least.
    #[must_use]
    pub const fn rows(mut self, rows: u32) -> Self {
        self.rows = rows;
        self
    }

    /// So many bytes behind the last plane of each dma-buf can be read.
    #[must_use]
    pub const fn tail(mut self, bytes: u64) -> Self {
        self.tail = bytes;
        self
    }

    /// Each plane lies at the start of a dma-buf of its own: V4L2's `NV12M`.
    #[must_use]
    pub const fn per_plane(mut self) -> Self {
        self.per_plane = true;
        self
    }

    /// The first dma-buf, mostly the only one, is at least this long, in bytes: V4L2's `sizeimage`, or padding behind the
    /// last plane.
    #[must_use]
    pub const fn min_len(self, bytes: u64) -> Self {
        self.dmabuf_min_len(0, bytes)
    }

    /// The n-th dma-buf is at least this long, in bytes. Without meaning for one that no plane lies in.
    #[must_use]
    pub const fn dmabuf_min_len(mut self, dmabuf: usize, bytes: u64) -> Self {
        if dmabuf < MAX_PLANES {
            self.min_lens[dmabuf] = bytes;
        }
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
        self.min_lens[0]
    }

    /// How the planes are spread over dma-bufs.
    pub const fn topology(&self) -> Topology {
        if self.per_plane {
            Topology::PER_PLANE
        } else {
            Topology::ONE
        }
    }

    /// The same request for a longer stride of the first plane, in bytes, which the others follow: for drivers that
    /// choose it. `None` where strides or offsets are given, and where the conditions exclude it.
    pub fn lengthened(&self, first_stride: u32) -> Option<Self> {
        if !self.plane_strides.is_empty() || !self.plane_offsets.is_empty() {
            return None;
        }
        let longer = self.clone().plane_strides(&[first_stride]);
        let layout = longer.layout().ok()?;
        let least = self.layout().ok()?;
        let mut planes = layout.planes().iter().zip(least.planes());
        planes
            .all(|(plane, least)| {
                plane.stride >= least.stride && plane.stride.is_multiple_of(self.stride_align)
            })
            .then_some(longer)
    }

    /// The smallest linear layout that meets the conditions.
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
        check_size(width, height)?;
        let format = PixelFormat::find(fourcc).ok_or(LayoutError::UnknownFormat(fourcc))?;
        let expected = format.planes().len();
        let count_error = |got| LayoutError::PlaneCount {
            fourcc,
            expected,
            got,
        };

        let strides = match *self.plane_strides.as_slice() {
            [] => FrameLayout::linear(fourcc, width, height, self.stride_align)?
                .planes()
                .iter()
                .map(|plane| plane.stride)
                .collect(),
            [first] => linear::strides(format, width, height, first)?[..expected].to_vec(),
            ref all if all.len() == expected => all.to_vec(),
            ref other => return Err(count_error(other.len())),
        };
        if !self.plane_offsets.is_empty() && self.plane_offsets.len() != expected {
            return Err(count_error(self.plane_offsets.len()));
        }
        linear::stack(format, width, height, &strides, self.placing())
    }

    /// Bytes to allocate, all dma-bufs together.
    ///
    /// # Errors
    ///
    /// As [`layout`](Self::layout).
    #[expect(
        clippy::len_without_is_empty,
        reason = "a request is never empty: a picture without pixels is an error"
    )]
    pub fn len(&self) -> Result<u64, LayoutError> {
        let lens = self.dmabuf_lens()?;
        let total = lens
            .iter()
            .try_fold(0, |sum: u64, len| sum.checked_add(*len));
        total.ok_or_else(|| self.too_large())
    }

    /// Bytes to allocate for each dma-buf: what the layout needs, with all padding, or what
    /// [`dmabuf_min_len`](Self::dmabuf_min_len) asks for.
    ///
    /// # Errors
    ///
    /// As [`layout`](Self::layout).
    pub fn dmabuf_lens(&self) -> Result<Vec<u64>, LayoutError> {
        let layout = self.layout()?;
        let format = PixelFormat::find(layout.fourcc()).map_or(&[][..], PixelFormat::planes);
        let mut ends = Vec::with_capacity(layout.planes().len());
        for (plane, format) in layout.planes().iter().zip(format) {
            let rows = self
                .placing()
                .padded_len(format, layout.height(), plane.stride);
            let end = plane.offset.checked_add(rows);
            let end = end.and_then(|end| end.checked_add(self.tail));
            ends.push(end.ok_or_else(|| self.too_large())?);
        }
        if !self.per_plane {
            ends = ends.into_iter().max().into_iter().collect();
        }
        for (end, least) in ends.iter_mut().zip(self.min_lens) {
            *end = least.max(*end);
        }
        if ends.iter().any(|&end| end > i64::MAX.unsigned_abs()) {
            return Err(self.too_large());
        }
        Ok(ends)
    }

    fn placing(&self) -> Placing<'_> {
        Placing {
            offsets: &self.plane_offsets,
            offset_align: self.offset_align,
            rows: self.rows,
            per_plane: self.per_plane,
        }
    }

    fn too_large(&self) -> LayoutError {
        LayoutError::TooLarge {
            fourcc: self.spec.fourcc,
            width: self.spec.width,
            height: self.spec.height,
        }
    }
}
