//! CPU access to pixels that devices share.
//!
//! Two things go wrong with mapped dma-bufs. Without `DMA_BUF_IOCTL_SYNC` around each access, caches and devices see
//! different pictures on machines that are not coherent. And memory that a device may write at any moment is no `&[u8]`.
//! So a [`Mapping`] gives out nothing but a [`CpuAccess`], which begins and ends the access, and copies bytes in and out.
//!
//! See "CPU Access to DMA Buffer Objects" in the kernel's `Documentation/driver-api/dma-buf.rst`.
#![expect(
    unsafe_code,
    reason = "maps shared memory and copies bytes in and out of it"
)]

use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::uapi::{SyncFlags, dma_buf_sync};
use crate::{DmaBuf, Frame, FrameLayout, PlaneLayout};

/// The memory of a frame, mapped whole. Keep it as long as the frame is in use: mapping is dear, access is cheap.
#[derive(Debug)]
pub struct Mapping {
    layout: FrameLayout,
    regions: Vec<Region>,
    /// Index of the region that holds each plane.
    region_of_plane: Vec<usize>,
}

impl Mapping {
    pub(crate) fn new(frame: &Frame) -> Result<Self, MapError> {
        let regions: Vec<_> = frame.dmabufs().map(Region::map).collect::<Result<_, _>>()?;
        let region_of = |plane: usize| {
            let id = frame.dmabuf(plane).id();
            regions.iter().position(|region| region.dmabuf.id() == id)
        };
        let region_of_plane = (0..frame.layout().planes().len())
            .filter_map(region_of)
            .collect();
        Ok(Self {
            layout: *frame.layout(),
            regions,
            region_of_plane,
        })
    }

    /// Where the planes of the mapped frame lie.
    pub fn layout(&self) -> &FrameLayout {
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
        if let Some(region) = self.regions.iter().find(|region| !region.writable) {
            return Err(MapError::ReadOnly {
                inode: region.dmabuf.id().inode,
            });
        }
        CpuAccess::begin(self)
    }
}

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

    fn begin(mapping: &'a Mapping) -> Result<Self, MapError> {
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

    fn area(&self, plane: usize) -> Result<&PlaneLayout, AccessError> {
        let planes = self.layout().planes();
        planes.get(plane).ok_or(AccessError::NoSuchPlane {
            plane,
            planes: planes.len(),
        })
    }

    /// `len` bytes at `offset` of a plane, proven to lie inside the mapping.
    fn span(&self, plane: usize, offset: u64, len: usize) -> Result<NonNull<u8>, AccessError> {
        let area = self.area(plane)?;
        let region = &self.mapping.regions[self.mapping.region_of_plane[plane]];
        let start = area.offset + offset;
        let fits = usize::try_from(start)
            .ok()
            .and_then(|start| start.checked_add(len));
        let (Some(end), true) = (fits, offset + len as u64 <= area.len) else {
            return Err(AccessError::WrongLen {
                plane,
                expected: area.len,
                got: len as u64,
            });
        };
        assert!(
            end <= region.len,
            "a frame keeps its planes inside their dma-bufs"
        );
        // SAFETY: end is not beyond the mapping, so the start is inside one allocation with its base.
        Ok(unsafe { region.base.add(end - len) })
    }

    /// Offset and length of the pixels of a row.
    fn row(&self, plane: usize, row: u32) -> Result<(u64, u64), AccessError> {
        let layout = self.layout();
        let area = self.area(plane)?;
        let (Some(rows), Some(row_bytes)) = (layout.rows(plane), layout.row_bytes(plane)) else {
            return Err(AccessError::NotLinear {
                format: layout.format(),
            });
        };
        if row >= rows {
            return Err(AccessError::NoSuchRow { plane, row, rows });
        }
        Ok((u64::from(row) * u64::from(area.stride), row_bytes))
    }
}

impl CpuAccess<'_, Read> {
    /// Copies a whole plane out, with the padding of its rows.
    ///
    /// # Errors
    ///
    /// There is no such plane, or `to` is not as long as the plane.
    pub fn read_plane(&self, plane: usize, to: &mut [u8]) -> Result<(), AccessError> {
        check_len(plane, self.area(plane)?.len, to.len())?;
        self.copy_out(plane, 0, to)
    }

    /// Copies the pixels of one row out, without padding.
    ///
    /// # Errors
    ///
    /// There is no such plane or row, the frame is not linear, or `to` is not as long as the row.
    pub fn read_row(&self, plane: usize, row: u32, to: &mut [u8]) -> Result<(), AccessError> {
        let (offset, len) = self.row(plane, row)?;
        check_len(plane, len, to.len())?;
        self.copy_out(plane, offset, to)
    }

    /// The bytes of a plane in area.
    ///
    /// # Errors
    ///
    /// There is no such plane.
    ///
    /// # Safety
    ///
    /// While the slice lives, nobody writes to the dma-buf: no device has it queued, no other mapping of it, in this
    /// process or another, is written through.
    pub unsafe fn plane_slice(&self, plane: usize) -> Result<&[u8], AccessError> {
        let len = self.slice_len(plane)?;
        let start = self.span(plane, 0, len)?;
        // SAFETY: `span` proved the bytes mapped and readable for as long as the mapping, which self borrows; the
        // caller proves that they do not change.
        Ok(unsafe { std::slice::from_raw_parts(start.as_ptr(), len) })
    }

    fn copy_out(&self, plane: usize, offset: u64, to: &mut [u8]) -> Result<(), AccessError> {
        let from = self.span(plane, offset, to.len())?;
        // SAFETY: `span` proved `to.len()` mapped bytes at `from`. `to` is a slice of ordinary memory, so they do not
        // overlap. Bytes that a device changes meanwhile come out as either value.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), to.len()) };
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
        check_len(plane, self.area(plane)?.len, from.len())?;
        self.copy_in(plane, 0, from)
    }

    /// Copies the pixels of one row in, and leaves the padding alone.
    ///
    /// # Errors
    ///
    /// There is no such plane or row, the frame is not linear, or `from` is not as long as the row.
    pub fn write_row(&mut self, plane: usize, row: u32, from: &[u8]) -> Result<(), AccessError> {
        let (offset, len) = self.row(plane, row)?;
        check_len(plane, len, from.len())?;
        self.copy_in(plane, offset, from)
    }

    /// Sets every byte of a plane, padding too.
    ///
    /// # Errors
    ///
    /// There is no such plane.
    pub fn fill_plane(&mut self, plane: usize, byte: u8) -> Result<(), AccessError> {
        let len = self.slice_len(plane)?;
        let to = self.span(plane, 0, len)?;
        // SAFETY: `span` proved `len` mapped bytes at `to`, and this access was begun on a writable mapping.
        unsafe { ptr::write_bytes(to.as_ptr(), byte, len) };
        Ok(())
    }

    /// Copies the pixels of another frame of the same size and format, row by row; strides may differ.
    ///
    /// # Errors
    ///
    /// The frames differ in size or format, or are not linear.
    pub fn copy_from(&mut self, other: &CpuAccess<'_, Read>) -> Result<(), AccessError> {
        let (to, from) = (*self.layout(), *other.layout());
        if (to.format(), to.width(), to.height()) != (from.format(), from.width(), from.height()) {
            return Err(AccessError::Mismatch {
                from: Box::new(from),
                to: Box::new(to),
            });
        }
        for plane in 0..to.planes().len() {
            let rows = to.rows(plane).ok_or(AccessError::NotLinear {
                format: to.format(),
            })?;
            for row in 0..rows {
                self.copy_row(other, plane, row)?;
            }
        }
        Ok(())
    }

    /// The bytes of a plane in place, to be written.
    ///
    /// # Errors
    ///
    /// There is no such plane.
    ///
    /// # Safety
    ///
    /// While the slice lives, nobody else reads or writes the dma-buf: no device has it queued, and no other mapping of
    /// it, in this process or another, is used.
    pub unsafe fn plane_slice_mut(&mut self, plane: usize) -> Result<&mut [u8], AccessError> {
        let len = self.slice_len(plane)?;
        let start = self.span(plane, 0, len)?;
        // SAFETY: `span` proved the bytes mapped for as long as the mapping, which self borrows; `Mapping::write`
        // proved them writable; the caller proves that nobody else touches them.
        Ok(unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), len) })
    }

    fn copy_in(&mut self, plane: usize, offset: u64, from: &[u8]) -> Result<(), AccessError> {
        let to = self.span(plane, offset, from.len())?;
        // SAFETY: `span` proved `from.len()` mapped bytes at `to`, and this access was begun on a writable mapping.
        // `from` is a slice of ordinary memory, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_ptr(), from.len()) };
        Ok(())
    }

    fn copy_row(
        &mut self,
        other: &CpuAccess<'_, Read>,
        plane: usize,
        row: u32,
    ) -> Result<(), AccessError> {
        let (to_offset, row_bytes) = self.row(plane, row)?;
        let (from_offset, _same_format) = other.row(plane, row)?;
        let len = usize_len(plane, row_bytes)?;
        let to = self.span(plane, to_offset, len)?;
        let from = other.span(plane, from_offset, len)?;
        // SAFETY: `span` proved `len` mapped bytes at both ends; `copy` allows them to be the same memory.
        unsafe { ptr::copy(from.as_ptr(), to.as_ptr(), len) };
        Ok(())
    }
}

impl<A: Access> CpuAccess<'_, A> {
    fn slice_len(&self, plane: usize) -> Result<usize, AccessError> {
        usize_len(plane, self.area(plane)?.len)
    }
}

impl<A: Access> Drop for CpuAccess<'_, A> {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::warn!(%error, "CPU access to a frame ended with an error");
        }
    }
}

/// One dma-buf, mapped from its first byte to its last.
#[derive(Debug)]
struct Region {
    dmabuf: Arc<DmaBuf>,
    base: NonNull<u8>,
    len: usize,
    writable: bool,
}

// SAFETY: a mapping belongs to the process, not to a thread; the pointer never leaves this module as a reference without
// the caller's proof that nobody else uses the bytes.
unsafe impl Send for Region {}
// SAFETY: as above; shared access only copies bytes out, exclusive access is needed to copy bytes in.
unsafe impl Sync for Region {}

impl Region {
    fn map(dmabuf: &Arc<DmaBuf>) -> Result<Self, MapError> {
        let error = |errno: io::Error| MapError::Map {
            inode: dmabuf.id().inode,
            len: dmabuf.len(),
            errno,
        };
        let len = usize::try_from(dmabuf.len())
            .map_err(|_beyond_address_space| error(io::ErrorKind::OutOfMemory.into()))?;
        let flags = rustix::fs::fcntl_getfl(dmabuf).map_err(|errno| error(errno.into()))?;
        let writable = flags & rustix::fs::OFlags::ACCMODE == rustix::fs::OFlags::RDWR;
        let protection = if writable {
            ProtFlags::READ | ProtFlags::WRITE
        } else {
            ProtFlags::READ
        };
        // SAFETY: the kernel chooses a free range of addresses, so no memory that Rust knows of is replaced.
        let base = unsafe {
            mmap(
                ptr::null_mut(),
                len,
                protection,
                MapFlags::SHARED,
                dmabuf,
                0,
            )
        };
        let base = base.map_err(|errno| error(errno.into()))?;
        let base =
            NonNull::new(base.cast()).ok_or_else(|| error(io::ErrorKind::OutOfMemory.into()))?;
        Ok(Self {
            dmabuf: dmabuf.clone(),
            base,
            len,
            writable,
        })
    }

    fn sync(&self, flags: SyncFlags) -> Result<(), MapError> {
        dma_buf_sync(self.dmabuf.as_fd(), flags).map_err(|errno| MapError::Sync {
            edge: if flags.contains(SyncFlags::END) {
                "END"
            } else {
                "START"
            },
            direction: if flags.contains(SyncFlags::WRITE) {
                "write"
            } else {
                "read"
            },
            inode: self.dmabuf.id().inode,
            errno: errno.into(),
        })
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: this very range was mapped by `map`, and everything that points into it borrows the mapping.
        if let Err(errno) = unsafe { munmap(self.base.as_ptr().cast(), self.len) } {
            let inode = self.dmabuf.id().inode;
            tracing::error!(inode, %errno, "cannot unmap a dma-buf");
        }
    }
}

/// Memory that the CPU cannot have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// `mmap` failed. EINVAL comes from protected heaps, ENOMEM from a lack of address space.
    #[error("cannot map the {len} bytes of the dma-buf with inode {inode} for the CPU: {errno}")]
    Map {
        /// The dma-buf.
        inode: u64,
        /// Bytes.
        len: u64,
        /// Why.
        errno: io::Error,
    },
    /// The dma-buf was exported without write access.
    #[error(
        "the dma-buf with inode {inode} was exported read-only; its exporter must open it O_RDWR for the CPU to write"
    )]
    ReadOnly {
        /// The dma-buf.
        inode: u64,
    },
    /// `DMA_BUF_IOCTL_SYNC` failed.
    #[error(
        "the exporter of the dma-buf with inode {inode} failed at DMA_BUF_SYNC_{edge} for {direction}: {errno}"
    )]
    Sync {
        /// START or END.
        edge: &'static str,
        /// read or write.
        direction: &'static str,
        /// The dma-buf.
        inode: u64,
        /// Why.
        errno: io::Error,
    },
}

/// A copy in or out that does not fit the frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// The frame has fewer planes.
    #[error("there is no plane {plane}: the frame has {planes}")]
    NoSuchPlane {
        /// Index asked for.
        plane: usize,
        /// Planes of the frame.
        planes: usize,
    },
    /// The plane has fewer rows.
    #[error("there is no row {row} in plane {plane}: it has {rows}")]
    NoSuchRow {
        /// Index of the plane.
        plane: usize,
        /// Index asked for.
        row: u32,
        /// Rows of the plane.
        rows: u32,
    },
    /// The caller's slice has another length than what is to be copied.
    #[error("a slice of {got} bytes was given for {expected} bytes of plane {plane}")]
    WrongLen {
        /// Index of the plane.
        plane: usize,
        /// Bytes to be copied.
        expected: u64,
        /// Bytes of the slice.
        got: u64,
    },
    /// Rows of tiled memory are not one behind the other.
    #[error("{format} has no rows that could be copied one by one: it is not linear")]
    NotLinear {
        /// The format of the frame.
        format: crate::Format,
    },
    /// The two frames are not alike.
    #[error("cannot copy {} {}x{} into {} {}x{}", from.format(), from.width(), from.height(), to.format(), to.width(), to.height())]
    Mismatch {
        /// The layout that was to be read.
        from: Box<FrameLayout>,
        /// The layout that was to be written.
        to: Box<FrameLayout>,
    },
}

fn check_len(plane: usize, expected: u64, got: usize) -> Result<(), AccessError> {
    let got = got as u64;
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

fn usize_len(plane: usize, len: u64) -> Result<usize, AccessError> {
    usize::try_from(len).map_err(|_beyond_address_space| AccessError::WrongLen {
        plane,
        expected: len,
        got: usize::MAX as u64,
    })
}
