//! The shadow heap: memory whose CPU mappings are a copy of what devices see, so that a missing SYNC shows.
//!
//! It is a kernel module of the test bed, `tests/kernel-modules/shadow-heap`, on the machine `shadow`.
#![expect(
    unsafe_code,
    reason = "maps a dma-buf and makes one half of an access without the other, which the crate under test never does"
)]

use std::fs;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use dmabuf_heap::{Allocator, DmaBuf, Registry};
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

const SKIP: &str = "/sys/module/shadow_heap/parameters/skip";
const DMA_BUF_IOCTL_SYNC: Opcode = opcode::write::<u64>(b'b', 0);

/// The heap.
#[track_caller]
pub fn heap() -> Arc<dyn Allocator> {
    Registry::discover()
        .find("shadow")
        .unwrap_or_else(|error| panic!("{error}"))
}

/// One half of every CPU access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// START: the CPU sees what devices wrote.
    Begin,
    /// END: devices see what the CPU wrote.
    End,
}

impl Half {
    fn name(self) -> &'static str {
        match self {
            Half::Begin => "begin",
            Half::End => "end",
        }
    }
}

/// While it lives, one half of all accesses moves nothing, as if no program made that call.
#[derive(Debug)]
pub struct Skip(());

impl Skip {
    /// From now on.
    #[track_caller]
    pub fn half(half: Half) -> Skip {
        set_skip(half.name()).unwrap_or_else(|error| panic!("{SKIP}: {error}"));
        Skip(())
    }
}

impl Drop for Skip {
    fn drop(&mut self) {
        // The next test would fail in ways that nobody understands.
        set_skip("none").expect("the module takes its default");
    }
}

/// Writes the parameter of the module.
pub fn set_skip(value: &str) -> std::io::Result<()> {
    fs::write(SKIP, value)
}

/// Reads the parameter of the module.
#[track_caller]
pub fn skip() -> String {
    let text = fs::read_to_string(SKIP).unwrap_or_else(|error| panic!("{SKIP}: {error}"));
    text.trim().to_owned()
}

/// A call of `DMA_BUF_IOCTL_SYNC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// READ
    StartRead = 1,
    /// WRITE
    StartWrite = 2,
    /// READ and WRITE
    StartBoth = 3,
    /// READ, END
    EndRead = 5,
    /// WRITE, END
    EndWrite = 6,
    /// READ and WRITE, END
    EndBoth = 7,
}

/// A dma-buf as the CPU has it, with no call made unless the test asks for it.
#[derive(Debug)]
pub struct BareMapping {
    dmabuf: Arc<DmaBuf>,
    base: NonNull<u8>,
    len: usize,
}

impl BareMapping {
    /// Maps all of it.
    #[track_caller]
    pub fn of(dmabuf: &Arc<DmaBuf>) -> BareMapping {
        let len = usize::try_from(dmabuf.len()).expect("it fits in memory");
        let access = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses a free range of addresses, so no memory that Rust knows of is replaced.
        let base = unsafe { mmap(ptr::null_mut(), len, access, MapFlags::SHARED, dmabuf, 0) };
        let base = base.unwrap_or_else(|errno| panic!("mmap: {errno}"));
        BareMapping {
            dmabuf: Arc::clone(dmabuf),
            base: NonNull::new(base.cast()).expect("no mapping is at zero"),
            len,
        }
    }

    /// Makes one call.
    #[track_caller]
    pub fn sync(&self, sync: Sync) {
        // SAFETY: the opcode reads the one word of flags that is `struct dma_buf_sync`.
        let request = unsafe { Setter::<DMA_BUF_IOCTL_SYNC, u64>::new(sync as u64) };
        // SAFETY: the request owns what the kernel reads.
        let done = unsafe { ioctl(&*self.dmabuf, request) };
        done.unwrap_or_else(|errno| panic!("{sync:?}: {errno}"));
    }

    /// Copies the first bytes out.
    #[track_caller]
    pub fn read(&self, len: usize) -> Vec<u8> {
        assert!(len <= self.len, "{len} of {} bytes", self.len);
        let mut bytes = vec![0; len];
        // SAFETY: as many bytes are mapped, and the vector is memory of Rust, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(self.base.as_ptr(), bytes.as_mut_ptr(), len) };
        bytes
    }

    /// Copies bytes in at the front.
    #[track_caller]
    pub fn write(&self, bytes: &[u8]) {
        let len = bytes.len();
        assert!(len <= self.len, "{len} of {} bytes", self.len);
        // SAFETY: as many bytes are mapped, and the slice is memory of Rust, so they do not overlap.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.base.as_ptr(), len) };
    }
}

impl Drop for BareMapping {
    fn drop(&mut self) {
        // SAFETY: `of` mapped this range, and nothing points into it any more.
        let unmapped = unsafe { munmap(self.base.as_ptr().cast(), self.len) };
        unmapped.expect("a mapping can be unmapped");
    }
}
