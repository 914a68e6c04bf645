use std::sync::Arc;

use crate::{CpuUse, MAX_PLANES, Modifier, Need, Topology};

/// Everything that is needed of memory and layout, by one importer or by several together.
///
/// The default needs nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Needs {
    /// Contiguous in the device's address space.
    pub contiguous: bool,
    /// Below two to the power of this.
    pub address_bits: Option<u32>,
    /// Bytes of which the stride of every plane is a multiple; at least 1.
    pub stride_align: u32,
    /// Bytes that the stride of each plane has at least.
    pub stride_min: [u32; MAX_PLANES],
    /// Bytes that the stride of any plane has at most.
    pub stride_max: Option<u32>,
    /// Bytes that the stride of each plane has exactly.
    pub strides: [Option<u32>; MAX_PLANES],
    /// The strides of the further planes follow from the first.
    pub derived_strides: bool,
    /// Bytes of which the offset of every plane is a multiple; at least 1.
    pub offset_align: u64,
    /// Bytes that the offset of any plane has at most.
    pub offset_max: Option<u64>,
    /// Each plane starts where the one before it ends.
    pub packed_planes: bool,
    /// The rows of the first plane, with padding, are a multiple of this; at least 1.
    pub row_align: u32,
    /// Rows that the first plane has at least, with padding.
    pub rows_min: u32,
    /// Readable bytes behind the last plane.
    pub tail: u64,
    /// Bytes that each dma-buf has at least.
    pub min_lens: [u64; MAX_PLANES],
    /// Which ways to spread the planes over dma-bufs are possible.
    pub topology: Topology,
    /// The modifiers that are possible, in rising order. `None`: any.
    pub modifiers: Option<Arc<[Modifier]>>,
    /// What the CPU does with the pixels.
    pub cpu: CpuUse,
    /// Whether the memory is closed to the CPU. `None`: either.
    pub protected: Option<bool>,
    /// Frames that are held at once.
    pub min_buffers: u32,
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            contiguous: false,
            address_bits: None,
            stride_align: 1,
            stride_min: [0; MAX_PLANES],
            stride_max: None,
            strides: [None; MAX_PLANES],
            derived_strides: false,
            offset_align: 1,
            offset_max: None,
            packed_planes: false,
            row_align: 1,
            rows_min: 0,
            tail: 0,
            min_lens: [0; MAX_PLANES],
            topology: Topology::all(),
            modifiers: None,
            cpu: CpuUse::None,
            protected: None,
            min_buffers: 0,
        }
    }
}

impl Needs {
    /// One by one, without those that ask for nothing.
    pub fn list(&self) -> Vec<Need> {
        let mut list = self.memory_needs();
        list.extend(self.stride_needs());
        list.extend(self.place_needs());
        list
    }

    fn memory_needs(&self) -> Vec<Need> {
        let modifiers = self.modifiers.clone().map(Need::Modifiers);
        [
            self.contiguous.then_some(Need::Contiguous),
            self.address_bits.map(Need::AddressBits),
            self.protected.map(Need::Protected),
            (self.cpu != CpuUse::None).then_some(Need::Cpu(self.cpu)),
            modifiers,
            (self.min_buffers > 0).then_some(Need::MinBuffers(self.min_buffers)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn stride_needs(&self) -> Vec<Need> {
        let exact = self.strides.iter().enumerate();
        let exact =
            exact.filter_map(|(plane, &bytes)| bytes.map(|bytes| Need::Stride { plane, bytes }));
        let least = self.stride_min.iter().enumerate();
        let least = least.filter(|&(_, &bytes)| bytes > 0);
        let least = least.map(|(plane, &bytes)| Need::StrideMin { plane, bytes });
        exact
            .chain(least)
            .chain(self.stride_max.map(Need::StrideMax))
            .chain((self.stride_align > 1).then_some(Need::StrideAlign(self.stride_align)))
            .chain(self.derived_strides.then_some(Need::DerivedStrides))
            .collect()
    }

    fn place_needs(&self) -> Vec<Need> {
        let packed = Need::PackedPlanes {
            row_align: self.row_align,
            rows_min: self.rows_min,
        };
        let lens = self.min_lens.iter().enumerate();
        let lens = lens.filter(|&(_, &bytes)| bytes > 0);
        let lens = lens.map(|(dmabuf, &bytes)| Need::MinLen { dmabuf, bytes });
        [
            self.packed_planes.then_some(packed),
            (self.row_align > 1).then_some(Need::RowAlign(self.row_align)),
            (self.rows_min > 0).then_some(Need::RowsMin(self.rows_min)),
            (self.offset_align > 1).then_some(Need::OffsetAlign(self.offset_align)),
            self.offset_max.map(Need::OffsetMax),
            (self.tail > 0).then_some(Need::Tail(self.tail)),
            (self.topology != Topology::all()).then_some(Need::Topology(self.topology)),
        ]
        .into_iter()
        .flatten()
        .chain(lens)
        .collect()
    }
}
