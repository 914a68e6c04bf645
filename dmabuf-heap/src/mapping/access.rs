use std::marker::PhantomData;

use super::region::Region;
use super::{AccessError, Area, MapError, Mapping};
use crate::FrameLayout;
use crate::uapi::SyncFlags;

/// Marks access that reads.
#[derive(Clone, Copy, Debug)]
pub enum Read {}

/// Marks access that writes.
#[derive(Clone, Copy, Debug)]
pub enum Write {}

/// [`Read`] or [`Write`].
pub trait Access: private::Sealed {}

impl Access for Read {}
impl Access for Write {}

mod private {
    pub trait Sealed {
        #[doc(hidden)]
        const WRITES: bool;
    }

    impl Sealed for super::Read {
        const WRITES: bool = false;
    }

    impl Sealed for super::Write {
        const WRITES: bool = true;
    }
}

/// CPU access in progress. Ends when dropped, also when a panic unwinds; [`finish`](Self::finish) reports errors.
#[derive(Debug)]
#[must_use = "the access ends when this is dropped"]
pub struct CpuAccess<'a, A: Access> {
    mapping: &'a Mapping,
    /// Regions `..begun` have a START that waits for its END.
    begun: usize,
    access: PhantomData<A>,
}

impl<'a, A: Access> CpuAccess<'a, A> {
    const DIRECTION: SyncFlags = if A::WRITES {
        SyncFlags::WRITE
    } else {
        SyncFlags::READ
    };

    /// On error, the regions that were begun are ended.
    pub(super) fn begin(mapping: &'a Mapping) -> Result<Self, MapError> {
        let mut access = Self {
            mapping,
            begun: 0,
            access: PhantomData,
        };
        for region in &mapping.regions {
            region.sync(Self::DIRECTION)?;
            access.begun += 1;
        }
        Ok(access)
    }

    /// Ends the access and reports what the exporter says.
    ///
    /// # Errors
    ///
    /// The first END that failed. All are tried.
    pub fn finish(mut self) -> Result<(), MapError> {
        self.end()
    }

    /// The layout of the mapped frame.
    pub fn layout(&self) -> &FrameLayout {
        self.mapping.layout()
    }

    fn end(&mut self) -> Result<(), MapError> {
        let regions = &self.mapping.regions[..std::mem::take(&mut self.begun)];
        let ends = regions
            .iter()
            .map(|region| region.sync(Self::DIRECTION | SyncFlags::END));
        ends.fold(Ok(()), Result::and)
    }

    /// Where a whole plane lies: its region, offset and length there.
    pub(super) fn locate_plane(
        &self,
        plane: usize,
    ) -> Result<(&Region, usize, usize), AccessError> {
        let area = self.area(plane)?;
        Ok((&self.mapping.regions[area.region], area.offset, area.len))
    }

    pub(super) fn plane_count(&self) -> usize {
        self.mapping.areas.len()
    }

    /// Proves that no byte belongs to two planes.
    pub(super) fn check_apart(&self) -> Result<(), AccessError> {
        let areas = &self.mapping.areas;
        for (second, area) in areas.iter().enumerate() {
            let overlaps = |other: &Area| {
                other.region == area.region
                    && area.offset < other.offset + other.len
                    && other.offset < area.offset + area.len
            };
            if let Some(first) = areas[..second].iter().position(overlaps) {
                return Err(AccessError::Overlap { first, second });
            }
        }
        Ok(())
    }

    /// Where the pixels of a row lie.
    fn locate_row(&self, plane: usize, row: u32) -> Result<(&Region, usize, usize), AccessError> {
        let area = self.area(plane)?;
        let format = self.layout().format();
        let (rows, row_len) = area.rows.ok_or(AccessError::NotLinear { format })?;
        if row >= rows {
            return Err(AccessError::NoSuchRow { plane, row, rows });
        }
        let offset = area.offset + row as usize * area.stride;
        Ok((&self.mapping.regions[area.region], offset, row_len))
    }

    fn area(&self, plane: usize) -> Result<&Area, AccessError> {
        let areas = &self.mapping.areas;
        areas.get(plane).ok_or(AccessError::NoSuchPlane {
            plane,
            planes: areas.len(),
        })
    }
}

impl CpuAccess<'_, Read> {
    /// Copies a whole plane out, with the padding of its rows.
    ///
    /// # Errors
    ///
    /// There is no such plane, or `to` is not as long as the plane.
    pub fn read_plane(&self, plane: usize, to: &mut [u8]) -> Result<(), AccessError> {
        let (region, offset, len) = self.locate_plane(plane)?;
        check_len(plane, len, to.len())?;
        region.copy_out(offset, to);
        Ok(())
    }

    /// Copies the pixels of one row out, without padding.
    ///
    /// # Errors
    ///
    /// There is no such plane or row, the frame is not linear, or `to` is not as long as the row.
    pub fn read_row(&self, plane: usize, row: u32, to: &mut [u8]) -> Result<(), AccessError> {
        let (region, offset, len) = self.locate_row(plane, row)?;
        check_len(plane, len, to.len())?;
        region.copy_out(offset, to);
        Ok(())
    }
}

impl CpuAccess<'_, Write> {
    /// Copies a whole plane in, with the padding of its rows.
    ///
    /// # Errors
    ///
    /// There is no such plane, or `from` is not as long as the plane.
    pub fn write_plane(&mut self, plane: usize, from: &[u8]) -> Result<(), AccessError> {
        let (region, offset, len) = self.locate_plane(plane)?;
        check_len(plane, len, from.len())?;
        region.copy_in(offset, from);
        Ok(())
    }

    /// Copies the pixels of one row in, and leaves the padding alone.
    ///
    /// # Errors
    ///
    /// There is no such plane or row, the frame is not linear, or `from` is not as long as the row.
    pub fn write_row(&mut self, plane: usize, row: u32, from: &[u8]) -> Result<(), AccessError> {
        let (region, offset, len) = self.locate_row(plane, row)?;
        check_len(plane, len, from.len())?;
        region.copy_in(offset, from);
        Ok(())
    }

    /// Sets every byte of a plane, padding too.
    ///
    /// # Errors
    ///
    /// There is no such plane.
    pub fn fill_plane(&mut self, plane: usize, byte: u8) -> Result<(), AccessError> {
        let (region, offset, len) = self.locate_plane(plane)?;
        region.fill(offset, len, byte);
        Ok(())
    }

    /// Copies the pixels of another frame of the same size and format, row by row; strides may differ.
    ///
    /// # Errors
    ///
    /// The frames differ in size or format, or are not linear.
    pub fn copy_from(&mut self, other: &CpuAccess<'_, Read>) -> Result<(), AccessError> {
        let (to, from) = (self.layout(), other.layout());
        if (to.format(), to.width(), to.height()) != (from.format(), from.width(), from.height()) {
            return Err(AccessError::Mismatch {
                from: Box::new(*from),
                to: Box::new(*to),
            });
        }
        for plane in 0..to.planes().len() {
            let rows = to.rows(plane).ok_or(AccessError::NotLinear {
                format: to.format(),
            })?;
            for row in 0..rows {
                let (to, to_offset, len) = self.locate_row(plane, row)?;
                let (from, from_offset, _same_format) = other.locate_row(plane, row)?;
                to.copy_from(to_offset, from, from_offset, len);
            }
        }
        Ok(())
    }
}

impl<A: Access> Drop for CpuAccess<'_, A> {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "CPU access to a frame ended with an error");
        }
    }
}

fn check_len(plane: usize, expected: usize, got: usize) -> Result<(), AccessError> {
    if expected == got {
        Ok(())
    } else {
        Err(AccessError::WrongLen {
            plane,
            expected,
            got,
        })
    }
}
