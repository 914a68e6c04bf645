//! Pixels in place, for those who can prove that nobody else touches them.
#![expect(
    unsafe_code,
    reason = "makes slices of shared memory on the caller's word"
)]

use super::{CpuAccess, Read, Write};
use crate::AccessError;

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
}
