//! CPU access to pixels that devices share.
//!
//! Two things go wrong with mapped dma-bufs. Without `DMA_BUF_IOCTL_SYNC` around each access, caches and devices see
//! different pictures on machines that are not coherent. And memory that a device may write at any moment is no `&[u8]`.
//! So a [`Mapping`] gives out nothing but a [`CpuAccess`], which begins and ends the access, and copies bytes in and out.
//!
//! See "CPU Access to DMA Buffer Objects" in the kernel's `Documentation/driver-api/dma-buf.rst`.

mod access;
mod error;
mod region;
mod slice;
mod witness;

pub use access::{Access, CpuAccess, Read, Write};
pub use error::{AccessError, MapError};
pub use witness::Witness;

use region::Region;

use crate::{Frame, FrameLayout, PlaneLayout};

/// The memory of a frame, mapped whole. Keep it as long as the frame is in use: mapping is dear, access is cheap.
///
/// It keeps the dma-bufs open, but is no loan of a [`PooledFrame`](crate::PooledFrame): who maps a pooled frame holds it
/// while accessing it.
#[derive(Debug)]
pub struct Mapping {
    layout: FrameLayout,
    regions: Vec<Region>,
    /// One for each plane.
    areas: Vec<Area>,
}

/// Where a plane lies in memory. The frame has been mapped, so its sizes fit in the address space.
#[derive(Debug)]
struct Area {
    /// Index of the region.
    region: usize,
    offset: usize,
    stride: usize,
    len: usize,
    /// Number and bytes of the rows, where the plane has any.
    rows: Option<(u32, usize)>,
}

impl Mapping {
    pub(crate) fn new(frame: &Frame) -> Result<Self, MapError> {
        let regions: Vec<_> = frame.dmabufs().map(Region::map).collect::<Result<_, _>>()?;
        let layout = *frame.layout();
        let areas = (0..layout.planes().len()).map(|plane| Area::of(frame, plane, &regions));
        let areas = areas
            .collect::<Option<_>>()
            .ok_or(MapError::AddressSpace { len: layout.size() })?;
        Ok(Self {
            layout,
            regions,
            areas,
        })
    }

    /// Where the planes of the mapped frame lie.
    pub const fn layout(&self) -> &FrameLayout {
        &self.layout
    }

    /// Begins reading. Waits for devices that still write, where they attach fences.
    ///
    /// # Errors
    ///
    /// The exporter cannot give the memory to the CPU.
    pub fn read(&self) -> Result<CpuAccess<'_, Read>, MapError> {
        CpuAccess::begin(self)
    }

    /// Begins writing. What is not written may hold anything afterwards, so write whole planes.
    ///
    /// # Errors
    ///
    /// The dma-buf was exported read-only, or the exporter cannot give the memory to the CPU.
    pub fn write(&mut self) -> Result<CpuAccess<'_, Write>, MapError> {
        if let Some(region) = self.regions.iter().find(|region| !region.is_writable()) {
            return Err(MapError::ReadOnly {
                inode: region.id().inode,
            });
        }
        CpuAccess::begin(self)
    }
}

impl Area {
    fn of(frame: &Frame, plane: usize, regions: &[Region]) -> Option<Self> {
        let layout = frame.layout();
        let &PlaneLayout {
            offset,
            stride,
            len,
        } = layout.planes().get(plane)?;
        let id = frame.dmabuf(plane).id();
        let row_len = layout
            .row_bytes(plane)
            .and_then(|len| usize::try_from(len).ok());
        Some(Self {
            region: regions.iter().position(|region| region.id() == id)?,
            offset: usize::try_from(offset).ok()?,
            stride: usize::try_from(stride).ok()?,
            len: usize::try_from(len).ok()?,
            rows: layout.rows(plane).zip(row_len),
        })
    }
}

#[cfg(test)]
mod tests;
