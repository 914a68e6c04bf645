//! Pixels in place, for those who can prove that nobody else touches them.
#![expect(
    unsafe_code,
    reason = "makes slices of shared memory on the caller's word"
)]

use super::{CpuAccess, Read, Write};
use crate::{AccessError, MAX_PLANES};

impl CpuAccess<'_, Read> {
    /// The bytes of a plane in place.
    ///
    /// # Errors
    ///
    /// There is no such plane.
    ///
    /// # Safety
    ///
    /// While the slice lives, nobody writes to the dma-buf:
    ///
    /// - no device or running queue holds it for writing;
    /// - no other mapping of it, in this process or another, is written through.
    pub unsafe fn plane_slice(&self, plane: usize) -> Result<&[u8], AccessError> {
        let (region, offset, len) = self.locate_plane(plane)?;
        let start = region.start(offset, len);
        // SAFETY: `start` proved the bytes mapped, for as long as the mapping, which self borrows; the caller proves that
        // they do not change.
        Ok(unsafe { std::slice::from_raw_parts(start.as_ptr(), len) })
    }
}

impl CpuAccess<'_, Write> {
    /// The bytes of a plane in place, to be written.
    ///
    /// # Errors
    ///
    /// There is no such plane.
    ///
    /// # Safety
    ///
    /// While the slice lives, nobody else reads or writes the dma-buf:
    ///
    /// - no device or running queue holds it;
    /// - no other mapping of it, in this process or another, is accessed.
    pub unsafe fn plane_slice_mut(&mut self, plane: usize) -> Result<&mut [u8], AccessError> {
        let (region, offset, len) = self.locate_plane(plane)?;
        let start = region.start(offset, len);
        // SAFETY: `start` proved the bytes mapped, for as long as the mapping, which self borrows alone;
        // `Mapping::write` proved them writable; the caller proves that nobody else touches them.
        Ok(unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) })
    }

    /// The bytes of all planes in place, to be written; beyond the last plane, empty slices.
    ///
    /// # Errors
    ///
    /// Planes lie one over the other.
    ///
    /// # Safety
    ///
    /// As [`plane_slice_mut`](Self::plane_slice_mut).
    pub unsafe fn plane_slices_mut(&mut self) -> Result<[&mut [u8]; MAX_PLANES], AccessError> {
        let mut slices: [&mut [u8]; MAX_PLANES] = Default::default();
        self.check_apart()?;
        for (plane, slice) in slices.iter_mut().enumerate().take(self.plane_count()) {
            let (region, offset, len) = self.locate_plane(plane)?;
            let start = region.start(offset, len);
            // SAFETY: as for one plane; `check_apart` proved that no byte belongs to two of them, and all borrow self alone.
            *slice = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) };
        }
        Ok(slices)
    }
}
