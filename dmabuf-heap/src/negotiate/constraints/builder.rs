use std::sync::Arc;

use crate::{CpuUse, MAX_PLANES, Modifier, Needs, Topology};

use super::{CALLER, Constraints, Party};

/// What the importer named by [`of`](Self::of) needs. A second call of the same kind replaces the first; 0 asks for
/// nothing, and so do planes that no format has. Said of several importers' constraints or of nobody's, it is what
/// `the caller` needs.
impl Constraints {
    /// Contiguous in the device's address space: behind an IOMMU any memory is.
    #[must_use]
    pub fn contiguous(self) -> Self {
        self.with(|needs| needs.contiguous = true)
    }

    /// The device reaches addresses below two to the power of `bits`: its DMA mask. The lowest wins.
    #[must_use]
    pub fn address_bits(self, bits: u32) -> Self {
        self.with(|needs| needs.address_bits = Some(bits))
    }

    /// The stride of every plane is a multiple of so many bytes. Several make their least common multiple.
    #[must_use]
    pub fn stride_align(self, bytes: u32) -> Self {
        self.with(|needs| needs.stride_align = bytes.max(1))
    }

    /// The stride of one plane has at least so many bytes. The highest wins.
    #[must_use]
    pub fn stride_min(self, plane: usize, bytes: u32) -> Self {
        self.with(|needs| set(&mut needs.stride_min, plane, bytes))
    }

    /// The stride of no plane has more bytes. The lowest wins.
    #[must_use]
    pub fn stride_max(self, bytes: u32) -> Self {
        self.with(|needs| needs.stride_max = Some(bytes))
    }

    /// The stride of one plane has exactly so many bytes. Others must want the same, or what it is a multiple of.
    #[must_use]
    pub fn stride(self, plane: usize, bytes: u32) -> Self {
        let bytes = Some(bytes).filter(|&bytes| bytes > 0);
        self.with(|needs| set(&mut needs.strides, plane, bytes))
    }

    /// The strides of the further planes follow from the first, as in V4L2 formats with all planes in one buffer
    /// (`Documentation/userspace-api/media/v4l/pixfmt-yuv-planar.rst`): NV12 keeps the luma stride, YUV420 halves it.
    #[must_use]
    pub fn derived_strides(self) -> Self {
        self.with(|needs| needs.derived_strides = true)
    }

    /// Every plane starts at a multiple of so many bytes. Several make their least common multiple.
    #[must_use]
    pub fn offset_align(self, bytes: u64) -> Self {
        self.with(|needs| needs.offset_align = bytes.max(1))
    }

    /// No plane starts at more bytes than these. The lowest wins.
    #[must_use]
    pub fn offset_max(self, bytes: u64) -> Self {
        self.with(|needs| needs.offset_max = Some(bytes))
    }

    /// Each plane starts right where the rows of the one before it end, because the interface has no word for offsets:
    /// V4L2's formats with all planes in one buffer. The rows are padded as this importer's own
    /// [`row_align`](Self::row_align) and [`rows_min`](Self::rows_min) say, and no further.
    #[must_use]
    pub fn packed_planes(self) -> Self {
        self.with(|needs| needs.packed_planes = true)
    }

    /// The rows of the first plane are padded to a multiple of `rows`, those of further planes in proportion. Several
    /// make their least common multiple.
    #[must_use]
    pub fn row_align(self, rows: u32) -> Self {
        self.with(|needs| needs.row_align = rows.max(1))
    }

    /// The first plane has at least so many rows, with padding: the coded height. The highest wins.
    #[must_use]
    pub fn rows_min(self, rows: u32) -> Self {
        self.with(|needs| needs.rows_min = rows)
    }

    /// So many bytes behind the last plane can be read: devices that fetch beyond the end. The highest wins.
    #[must_use]
    pub fn tail(self, bytes: u64) -> Self {
        self.with(|needs| needs.tail = bytes)
    }

    /// The n-th dma-buf has at least so many bytes: V4L2's `sizeimage`. The highest wins.
    #[must_use]
    pub fn min_len(self, dmabuf: usize, bytes: u64) -> Self {
        self.with(|needs| set(&mut needs.min_lens, dmabuf, bytes))
    }

    /// Which ways to spread the planes over dma-bufs are possible. What is left must be possible for all. A format of one
    /// plane needs no word on it.
    #[must_use]
    pub fn topology(self, topology: Topology) -> Self {
        self.with(|needs| needs.topology = topology)
    }

    /// The modifiers that are possible. What is left must be possible for all.
    #[must_use]
    pub fn modifiers(self, modifiers: impl IntoIterator<Item = Modifier>) -> Self {
        let mut modifiers: Vec<_> = modifiers.into_iter().collect();
        modifiers.sort_unstable();
        modifiers.dedup();
        self.with(|needs| needs.modifiers = Some(modifiers.into()))
    }

    /// What the CPU does with the pixels. All of it must be possible.
    #[must_use]
    pub fn cpu(self, cpu: CpuUse) -> Self {
        self.with(|needs| needs.cpu = cpu)
    }

    /// Whether the memory is closed to the CPU, for protected content. Others must want the same.
    #[must_use]
    pub fn protected(self, protected: bool) -> Self {
        self.with(|needs| needs.protected = Some(protected))
    }

    /// Frames that are held at once. The highest wins.
    #[must_use]
    pub fn min_buffers(self, frames: u32) -> Self {
        self.with(|needs| needs.min_buffers = frames)
    }

    fn with(mut self, change: impl FnOnce(&mut Needs)) -> Self {
        let place = match self.parties.as_slice() {
            [_only] => Some(0),
            several => several.iter().position(|party| &*party.importer == CALLER),
        };
        let place = place.unwrap_or_else(|| {
            self.parties.push(Arc::new(Party::new(CALLER.into())));
            self.parties.len() - 1
        });
        change(&mut Arc::make_mut(&mut self.parties[place]).needs);
        Self::of_parties(self.parties)
    }
}

fn set<T>(values: &mut [T; MAX_PLANES], index: usize, value: T) {
    if let Some(place) = values.get_mut(index) {
        *place = value;
    }
}
