//! The kernel interfaces of this crate: structs, opcodes and the only ioctls.
//!
//! Everything here mirrors `include/uapi/linux/{dma-heap,dma-buf,udmabuf,magic}.h`.
#![expect(
    unsafe_code,
    reason = "ioctls take untyped pointers; each is wrapped once, here, in a safe function"
)]

use std::ffi::{CStr, c_void};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::{Errno, Result};
use rustix::ioctl::{self, Ioctl, IoctlOutput, Opcode, Setter, Updater, opcode};

/// `DMA_BUF_MAGIC`: the type of the file system that all dma-bufs live in.
pub(crate) const DMA_BUF_MAGIC: u64 = 0x444d_4142;

/// `DMA_BUF_NAME_LEN` without the terminating NUL.
pub(crate) const DMA_BUF_NAME_MAX: usize = 31;

const DMA_HEAP_IOCTL_ALLOC: Opcode = opcode::read_write::<DmaHeapAllocationData>(b'H', 0);
const DMA_BUF_IOCTL_SYNC: Opcode = opcode::write::<DmaBufSync>(b'b', 0);
/// `DMA_BUF_SET_NAME` encodes the size of a pointer: `_A` on 32-bit, `_B` on 64-bit machines.
const DMA_BUF_SET_NAME: Opcode = opcode::write::<usize>(b'b', 1);
const UDMABUF_CREATE: Opcode = opcode::write::<UdmabufCreateData>(b'u', 0x42);
/// Encodes the size of the head without the items.
const UDMABUF_CREATE_LIST: Opcode = opcode::write::<UdmabufListHead>(b'u', 0x43);

const UDMABUF_FLAGS_CLOEXEC: u32 = 1;

bitflags::bitflags! {
    /// `DMA_BUF_SYNC_*`. Start is the absence of END.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct SyncFlags: u64 {
        const READ = 1 << 0;
        const WRITE = 1 << 1;
        const END = 1 << 2;
    }
}

/// `struct dma_heap_allocation_data`
#[repr(C)]
#[derive(Default)]
struct DmaHeapAllocationData {
    len: u64,
    fd: u32,
    fd_flags: u32,
    heap_flags: u64,
}

/// `struct dma_buf_sync`
#[repr(C)]
struct DmaBufSync {
    flags: u64,
}

/// `struct udmabuf_create`
#[repr(C)]
struct UdmabufCreateData {
    memfd: u32,
    flags: u32,
    offset: u64,
    size: u64,
}

/// `struct udmabuf_create_list` without its items.
#[repr(C)]
struct UdmabufListHead {
    flags: u32,
    count: u32,
}

/// `struct udmabuf_create_item`
#[repr(C)]
struct UdmabufItem {
    memfd: u32,
    pad: u32,
    offset: u64,
    size: u64,
}

/// A `struct udmabuf_create_list` of two items.
#[repr(C)]
struct UdmabufPair {
    head: UdmabufListHead,
    items: [UdmabufItem; 2],
}

const _: () = {
    assert!(size_of::<UdmabufListHead>() == 8);
    assert!(size_of::<UdmabufItem>() == 24);
    assert!(size_of::<UdmabufPair>() == 56);
    assert!(size_of::<DmaHeapAllocationData>() == 24);
    assert!(size_of::<DmaBufSync>() == 8);
    assert!(size_of::<UdmabufCreateData>() == 24);
};

/// Allocates `len` bytes, rounded up to pages, from an open heap. The dma-buf is exported `O_RDWR | O_CLOEXEC`.
pub(crate) fn dma_heap_alloc(heap: BorrowedFd<'_>, len: u64) -> Result<OwnedFd> {
    let mut data = DmaHeapAllocationData {
        len,
        fd_flags: (OFlags::RDWR | OFlags::CLOEXEC).bits(),
        ..Default::default()
    };
    // SAFETY: DMA_HEAP_IOCTL_ALLOC takes a pointer to a dma_heap_allocation_data, whose layout the struct has.
    let update = unsafe { Updater::<DMA_HEAP_IOCTL_ALLOC, _>::new(&mut data) };
    // SAFETY: the opcode only reads and writes the struct that `update` borrows for the length of the call.
    unsafe { ioctl::ioctl(heap, update) }?;
    let fd = i32::try_from(data.fd).map_err(|_not_an_fd| Errno::BADF)?;
    // SAFETY: on success the kernel has installed a new fd in this process and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Brackets CPU access. EAGAIN and EINTR are restarted, as `Documentation/driver-api/dma-buf.rst` demands.
pub(crate) fn dma_buf_sync(dmabuf: BorrowedFd<'_>, flags: SyncFlags) -> Result<()> {
    loop {
        let sync = DmaBufSync {
            flags: flags.bits(),
        };
        // SAFETY: DMA_BUF_IOCTL_SYNC takes a pointer to a dma_buf_sync, whose layout the struct has.
        let set = unsafe { Setter::<DMA_BUF_IOCTL_SYNC, _>::new(sync) };
        // SAFETY: the opcode only reads the struct that `set` owns.
        match unsafe { ioctl::ioctl(dmabuf, set) } {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Names a dma-buf for debugfs, fdinfo and BPF. The kernel refuses more than [`DMA_BUF_NAME_MAX`] bytes.
pub(crate) fn dma_buf_set_name(dmabuf: BorrowedFd<'_>, name: &CStr) -> Result<()> {
    // SAFETY: the request owns nothing; it hands the kernel a pointer to a string that lives through the call.
    unsafe { ioctl::ioctl(dmabuf, SetName(name)) }
}

/// Makes a dma-buf of the pages of a sealed memfd.
pub(crate) fn udmabuf_create(
    udmabuf: BorrowedFd<'_>,
    memfd: BorrowedFd<'_>,
    size: u64,
) -> Result<OwnedFd> {
    let create = UdmabufCreateData {
        memfd: memfd.as_fd().as_raw_fd().cast_unsigned(),
        flags: UDMABUF_FLAGS_CLOEXEC,
        offset: 0,
        size,
    };
    // SAFETY: the opcode only reads the struct that the request owns and returns a new fd.
    unsafe { ioctl::ioctl(udmabuf, UdmabufCreate(create)) }
}

/// Makes a dma-buf of the first `sizes[0]` bytes of a sealed memfd with its first `sizes[1]` bytes behind them.
pub(crate) fn udmabuf_create_twice(
    udmabuf: BorrowedFd<'_>,
    memfd: BorrowedFd<'_>,
    sizes: [u64; 2],
) -> Result<OwnedFd> {
    let create = UdmabufPair {
        head: UdmabufListHead {
            flags: UDMABUF_FLAGS_CLOEXEC,
            count: 2,
        },
        items: sizes.map(|size| UdmabufItem {
            memfd: memfd.as_fd().as_raw_fd().cast_unsigned(),
            pad: 0,
            offset: 0,
            size,
        }),
    };
    // SAFETY: the opcode only reads the struct that the request owns, as many items as it says, and returns a new fd.
    unsafe { ioctl::ioctl(udmabuf, UdmabufCreateList(create)) }
}

struct SetName<'a>(&'a CStr);

// SAFETY: DMA_BUF_SET_NAME takes the address of a NUL-terminated string, only reads it, and returns nothing.
unsafe impl Ioctl for SetName<'_> {
    type Output = ();

    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        DMA_BUF_SET_NAME
    }

    fn as_ptr(&mut self) -> *mut c_void {
        self.0.as_ptr().cast_mut().cast()
    }

    unsafe fn output_from_ptr(_: IoctlOutput, _: *mut c_void) -> Result<()> {
        Ok(())
    }
}

struct UdmabufCreate(UdmabufCreateData);

// SAFETY: UDMABUF_CREATE takes a pointer to a udmabuf_create, only reads it, and returns a new fd that nobody owns yet.
unsafe impl Ioctl for UdmabufCreate {
    type Output = OwnedFd;

    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        UDMABUF_CREATE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        (&raw mut self.0).cast()
    }

    unsafe fn output_from_ptr(fd: IoctlOutput, _: *mut c_void) -> Result<OwnedFd> {
        // SAFETY: the ioctl succeeded, so its return value is the number of a new fd that nobody else knows.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

struct UdmabufCreateList(UdmabufPair);

// SAFETY: UDMABUF_CREATE_LIST takes a pointer to a udmabuf_create_list with `count` items behind it, only reads them, and
// returns a new fd that nobody owns yet.
unsafe impl Ioctl for UdmabufCreateList {
    type Output = OwnedFd;

    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        UDMABUF_CREATE_LIST
    }

    fn as_ptr(&mut self) -> *mut c_void {
        (&raw mut self.0).cast()
    }

    unsafe fn output_from_ptr(fd: IoctlOutput, _: *mut c_void) -> Result<OwnedFd> {
        // SAFETY: the ioctl succeeded, so its return value is the number of a new fd that nobody else knows.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that a C program including the kernel headers prints on x86, ARM and RISC-V.
    #[test]
    fn opcodes_are_those_of_the_kernel_headers() {
        assert_eq!(DMA_HEAP_IOCTL_ALLOC, 0xc018_4800);
        assert_eq!(DMA_BUF_IOCTL_SYNC, 0x4008_6200);
        assert_eq!(UDMABUF_CREATE, 0x4018_7542);
        assert_eq!(UDMABUF_CREATE_LIST, 0x4008_7543);
        #[cfg(target_pointer_width = "64")]
        assert_eq!(DMA_BUF_SET_NAME, 0x4008_6201);
        #[cfg(target_pointer_width = "32")]
        assert_eq!(DMA_BUF_SET_NAME, 0x4004_6201);
    }

    #[test]
    fn sync_flags_are_those_of_the_kernel_headers() {
        assert_eq!((SyncFlags::READ | SyncFlags::WRITE).bits(), 3);
        assert_eq!(SyncFlags::END.bits(), 4);
    }
}
