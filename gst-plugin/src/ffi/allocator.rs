//! The C side of [`HeapAllocator`](crate::allocator::HeapAllocator): its vtable and its instance fields.

use gst::glib;
use gst::glib::translate::IntoGlibPtr;
use gst_allocators::subclass::prelude::*;

use crate::allocator::imp;

// SAFETY: `alloc` returns NULL or a full reference to a memory whose allocator is this object, as GstAllocatorClass
// asks. `free` is GstFdAllocator's, which knows the memories that `gst_dmabuf_allocator_alloc_with_flags` makes.
unsafe impl AllocatorImpl for imp::HeapAllocator {
    unsafe fn alloc(
        &self,
        size: usize,
        params: &gst::AllocationParams,
    ) -> *mut gst::ffi::GstMemory {
        crate::panic::contained("allocation", || self.allocate(size, params))
            .flatten()
            .map_or(std::ptr::null_mut(), IntoGlibPtr::into_glib_ptr)
    }
}

/// Lets `gst_allocator_alloc` reach us, and keeps implicit deep copies off the heap.
///
/// `GstFdAllocator` sets `CUSTOM_ALLOC`, which says that the generic call cannot work: here it can. `NO_COPY` sends
/// deep copies that nobody asked us for to system memory: a heap may be small, and such a copy is no frame.
pub(crate) fn init_instance(obj: &glib::subclass::InitializingObject<imp::HeapAllocator>) {
    let object: *mut gst::ffi::GstObject = obj.as_ptr().cast();
    // SAFETY: HeapAllocator derives from GstObject, and during instance_init nobody else has the object.
    let flags = unsafe { &mut (*object).flags };
    *flags &= !gst::ffi::GST_ALLOCATOR_FLAG_CUSTOM_ALLOC;
    *flags |= gst::ffi::GST_ALLOCATOR_FLAG_NO_COPY;
}
