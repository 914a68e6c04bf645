//! `GstMemory` and dma-bufs.
//!
//! A dma-buf's identity (device and inode) costs an `fstat`, and keeping it alive costs a `dup`. Both are paid once per
//! `GstMemory`: the [`DmaBuf`] is kept as qdata on the memory and dies with it. A frame in steady state pays neither.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use dmabuf_heap::DmaBuf;
use gst::glib;
use gst::glib::translate::IntoGlib;
use gst_allocators::prelude::*;
use gst_allocators::{DmaBufMemoryRef, FdMemoryFlags};

use crate::allocator::HeapAllocator;

/// The qdata key. The address makes it unique to this copy of the code: two builds of the plugin in one process (the
/// shared object and one linked in statically) must never read each other's types.
static KEY: LazyLock<glib::Quark> = LazyLock::new(|| {
    static MARK: u8 = 0;
    glib::Quark::from_str(format!(
        "dmaheap-dmabuf-{}-{:p}",
        env!("CARGO_PKG_VERSION"),
        &raw const MARK
    ))
});

/// Serialises the first look at a memory. Branches of a `tee` may meet a memory at the same time.
static FIRST_LOOK: Mutex<()> = Mutex::new(());

/// Why a memory that says it is a dma-buf could not be taken as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum IdentityError {
    /// Out of file descriptors, mostly.
    #[error("cannot duplicate its file descriptor")]
    Duplicate(#[source] std::io::Error),
    /// No dma-buf, or one that cannot be looked at.
    #[error(transparent)]
    DmaBuf(#[from] dmabuf_heap::Error),
}

/// The dma-buf behind a memory, or `None` if it is of another kind.
///
/// The first look at a foreign memory duplicates its fd and reads its identity; later ones only take a reference.
///
/// # Errors
///
/// The fd cannot be duplicated, or is no dma-buf although its allocator says so.
pub(crate) fn dmabuf_of(memory: &gst::MemoryRef) -> Result<Option<Arc<DmaBuf>>, IdentityError> {
    let whole = whole(memory);
    if let Some(dmabuf) = kept(whole) {
        return Ok(Some(dmabuf));
    }
    let Some(foreign) = whole.downcast_memory_ref::<gst_allocators::DmaBufMemory>() else {
        return Ok(None);
    };

    let _first = FIRST_LOOK.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(dmabuf) = kept(whole) {
        return Ok(Some(dmabuf));
    }
    let fd = borrow_fd(foreign)
        .try_clone_to_owned()
        .map_err(IdentityError::Duplicate)?;
    let dmabuf = Arc::new(DmaBuf::from_fd(fd)?);
    keep(whole, Arc::clone(&dmabuf));
    Ok(Some(dmabuf))
}

/// A memory of `allocator` that shows bytes `offset..offset + size` of `dmabuf` and keeps it open.
///
/// It maps the dma-buf at most once, whole, and never closes the fd itself.
///
/// # Errors
///
/// GStreamer refuses the fd, which it does only for a negative one.
pub(crate) fn wrap(
    allocator: &HeapAllocator,
    dmabuf: Arc<DmaBuf>,
    offset: usize,
    size: usize,
) -> Result<gst::Memory, glib::BoolError> {
    let len = usize::try_from(dmabuf.len()).map_err(|_err| {
        glib::bool_error!(
            "a dma-buf of {} bytes does not fit this machine",
            dmabuf.len()
        )
    })?;
    let flags = FdMemoryFlags::KEEP_MAPPED | FdMemoryFlags::DONT_CLOSE;
    // SAFETY: the fd is open now. With DONT_CLOSE the memory only borrows it, and the qdata set below keeps it open
    // until the memory is freed; nobody else sees the memory before that.
    let mut memory =
        unsafe { allocator.alloc_dmabuf_with_flags(dmabuf.as_fd().as_raw_fd(), len, flags) }?;
    keep(&memory, dmabuf);
    if let Some(memory) = memory.get_mut() {
        memory.resize(offset..offset + size);
    }
    Ok(memory)
}

/// What kind of memory this is, for messages: the type its allocator writes on it, such as `SystemMemory`.
pub(crate) fn kind_of(memory: &gst::MemoryRef) -> String {
    // SAFETY: `as_ptr` points to a live GstMemory for as long as `memory` is borrowed.
    let allocator = unsafe { (*memory.as_ptr()).allocator };
    if allocator.is_null() {
        return "memory without an allocator".to_owned();
    }
    // SAFETY: a GstMemory holds a reference on its allocator, which is thus alive.
    let name = unsafe { (*allocator).mem_type };
    if name.is_null() {
        return "memory of unknown type".to_owned();
    }
    // SAFETY: `mem_type` is a static, NUL-terminated string by GstAllocator's contract.
    unsafe { std::ffi::CStr::from_ptr(name) }
        .to_string_lossy()
        .into_owned()
}

/// The memory that owns the bytes: shared sub-memories carry their parent's fd.
fn whole(memory: &gst::MemoryRef) -> &gst::MemoryRef {
    let mut whole = memory;
    while let Some(parent) = whole.parent() {
        whole = parent;
    }
    whole
}

fn borrow_fd(memory: &DmaBufMemoryRef) -> BorrowedFd<'_> {
    // SAFETY: a GstFdMemory's fd stays open for as long as the memory lives, and `memory` is borrowed for that long.
    unsafe { BorrowedFd::borrow_raw(memory.fd()) }
}

fn kept(memory: &gst::MemoryRef) -> Option<Arc<DmaBuf>> {
    // SAFETY: the pointer is a live mini object; GstMiniObject locks its qdata itself.
    let data =
        unsafe { gst::ffi::gst_mini_object_get_qdata(memory.as_mut_ptr().cast(), KEY.into_glib()) };
    if data.is_null() {
        return None;
    }
    let data: *const DmaBuf = data.cast::<DmaBuf>();
    // SAFETY: only `keep` writes under this key, with Arc::into_raw, and never twice for one memory; so the data lives
    // at least as long as `memory` is borrowed.
    unsafe { Arc::increment_strong_count(data) };
    // SAFETY: the count taken above is given to this Arc.
    Some(unsafe { Arc::from_raw(data) })
}

fn keep(memory: &gst::MemoryRef, dmabuf: Arc<DmaBuf>) {
    unsafe extern "C" fn release(data: glib::ffi::gpointer) {
        // SAFETY: GstMiniObject calls this once, with the pointer that `keep` made with Arc::into_raw.
        let dmabuf = unsafe { Arc::from_raw(data.cast_const().cast::<DmaBuf>()) };
        crate::panic::contained("dma-buf release", || drop(dmabuf));
    }
    let data = Arc::into_raw(dmabuf).cast_mut().cast();
    // SAFETY: the pointer is a live mini object, and `release` takes exactly what `data` is.
    unsafe {
        gst::ffi::gst_mini_object_set_qdata(
            memory.as_mut_ptr().cast(),
            KEY.into_glib(),
            data,
            Some(release),
        );
    }
}
