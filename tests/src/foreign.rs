//! Frames as elements bring them that are not ours: dma-bufs in memory of GStreamer's own allocator.
#![expect(
    unsafe_code,
    reason = "GStreamer's fd of a dma-buf is a number, and its allocator takes one"
)]

use std::os::fd::BorrowedFd;

use gst::prelude::*;
use gst_allocators::prelude::*;
use gst_allocators::{DmaBufAllocator, DmaBufMemory};

/// From now on `pad` hands on the same dma-bufs in memory that is not ours, so that nobody can tell where they are from.
pub fn disown(pad: &gst::Pad) {
    let allocator = DmaBufAllocator::new();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_pad, info| {
        let buffer = info.buffer_mut().expect("a probe on buffers");
        *buffer = disowned(buffer, &allocator);
        gst::PadProbeReturn::Ok
    });
}

#[track_caller]
fn disowned(buffer: &gst::Buffer, allocator: &DmaBufAllocator) -> gst::Buffer {
    let memory = buffer.peek_memory(0);
    let dmabuf = memory.downcast_memory_ref::<DmaBufMemory>();
    let fd = dmabuf.expect("a dma-buf").fd();
    // SAFETY: the memory owns the fd and outlives this borrow.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let fd = fd.try_clone_to_owned().expect("dup");
    // SAFETY: the fd is a dma-buf of at least that size, and the allocator becomes its owner.
    let foreign = unsafe { allocator.alloc_dmabuf(fd, memory.maxsize()) };
    let mut copy = gst::Buffer::new();
    let writable = copy.make_mut();
    writable.append_memory(foreign.expect("memory around a dma-buf"));
    let all_but_memory =
        gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS | gst::BufferCopyFlags::META;
    buffer
        .copy_into(writable, all_but_memory, ..)
        .expect("the same size");
    // The pool must not fill it again meanwhile.
    gst::ParentBufferMeta::add(writable, buffer);
    copy
}
