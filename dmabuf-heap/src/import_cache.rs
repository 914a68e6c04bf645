//! What a device has made of frames, for as long as their memory is open.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};

use crate::{DmaBuf, DmaBufId, Frame, FrameKey};

/// Imports by frame: framebuffers, buffers of a compositor, whatever a device makes once of a frame and then reuses.
///
/// The cache keeps no memory alive. Its owner has [`forget_on_close`](Self::forget_on_close) tell when some is closed, for
/// the same inode may then be other memory, and [takes out](Self::take_closed) what was made of it.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use dmabuf_heap::{Frame, ImportCache};
///
/// #[derive(Default)]
/// struct Device(Mutex<ImportCache<String>>);
///
/// fn import(device: &Arc<Device>, frame: &Frame) {
///     device.0.lock().unwrap().insert(frame, format!("what the device made of {frame}"));
///     ImportCache::<String>::forget_on_close(frame, device, |device, _closed| {
///         let closed = device.0.lock().unwrap().take_closed();
///         drop(closed); // without the lock: it may take system calls
///     });
/// }
/// ```
pub struct ImportCache<V> {
    entries: HashMap<FrameKey, Entry<V>>,
}

struct Entry<V> {
    value: V,
    dmabufs: Vec<Weak<DmaBuf>>,
}

impl<V> ImportCache<V> {
    /// What was made of the frame with this key.
    pub fn get(&self, key: &FrameKey) -> Option<&V> {
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// Remembers what was made of a frame; what was made of it before is given back.
    pub fn insert(&mut self, frame: &Frame, value: V) -> Option<V> {
        let entry = Entry {
            value,
            dmabufs: frame.dmabufs().map(Arc::downgrade).collect(),
        };
        let before = self.entries.insert(*frame.key(), entry);
        before.map(|entry| entry.value)
    }

    /// Everything, in no order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|entry| &entry.value)
    }

    /// How many frames are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes out what was made of frames with a dma-buf that this process has closed.
    #[must_use = "dropping it undoes the imports"]
    pub fn take_closed(&mut self) -> Vec<V> {
        let is_closed = |dmabuf: &Weak<DmaBuf>| dmabuf.strong_count() == 0;
        self.entries
            .extract_if(|_key, entry| entry.dmabufs.iter().any(is_closed))
            .map(|(_key, entry)| entry.value)
            .collect()
    }

    /// Calls `forget` with the owner of a cache when a dma-buf of the frame is closed, if the owner still lives: before the
    /// fd is closed, on the thread that drops it. The owner's lock must not be held, for the dma-buf may be closed already.
    pub fn forget_on_close<T>(frame: &Frame, owner: &Arc<T>, forget: fn(&T, DmaBufId))
    where
        T: Send + Sync + 'static,
    {
        for dmabuf in frame.dmabufs() {
            let owner = Arc::downgrade(owner);
            dmabuf.on_close(move |id| {
                if let Some(owner) = owner.upgrade() {
                    forget(&owner, id);
                }
            });
        }
    }
}

impl<V> Default for ImportCache<V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
        }
    }
}

impl<V: fmt::Debug> fmt::Debug for ImportCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.iter().map(|(key, entry)| (key, &entry.value));
        f.debug_map().entries(entries).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{Fourcc, FrameLayout};

    /// NV12 in two dma-bufs.
    fn frame() -> Frame {
        let layout = FrameLayout::linear(Fourcc::NV12, 64, 32, 1).unwrap();
        let plane = || Arc::new(DmaBuf::stand_in(layout.size()).unwrap());
        Frame::new(layout, &[plane(), plane()]).unwrap()
    }

    #[test]
    fn what_was_made_of_a_frame_is_found_and_keeps_no_memory() {
        let mut cache = ImportCache::default();
        let (one, other) = (frame(), frame());
        assert_eq!(cache.insert(&one, 1), None);
        assert_eq!(cache.insert(&one, 2), Some(1));
        assert_eq!(cache.get(one.key()), Some(&2));
        assert_eq!(cache.get(other.key()), None);
        cache.insert(&other, 3);
        assert!(cache.take_closed().is_empty());
        drop(one);
        assert_eq!(cache.take_closed(), [2]);
        assert_eq!(cache.values().collect::<Vec<_>>(), [&3]);
    }

    #[test]
    fn the_owner_forgets_when_any_dma_buf_is_closed_and_is_not_kept() {
        #[derive(Default)]
        struct Owner(Mutex<ImportCache<u32>>);

        let forget = |owner: &Owner, _id| drop(owner.0.lock().unwrap().take_closed());
        let owner = Arc::new(Owner::default());
        let layout = FrameLayout::linear(Fourcc::NV12, 64, 32, 1).unwrap();
        let [luma, chroma] =
            std::array::from_fn(|_| Arc::new(DmaBuf::stand_in(layout.size()).unwrap()));
        let frame = Frame::new(layout, &[Arc::clone(&luma), chroma]).unwrap();
        owner.0.lock().unwrap().insert(&frame, 1);
        ImportCache::<u32>::forget_on_close(&frame, &owner, forget);
        drop(frame);
        assert!(owner.0.lock().unwrap().is_empty(), "its chroma is closed");
        drop(owner);
        drop(luma);
    }
}
