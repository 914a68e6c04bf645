//! Where buffers wait for their next use, without a system call.
//!
//! `GstBufferPool` keeps an event descriptor beside its queue: a write for each buffer that comes back, a read for each
//! that goes out. Only a user who waits for a buffer needs that. So buffers lie here, and go to the queue of the base
//! class, which wakes whoever waits, when somebody looks for one there.

use std::sync::Mutex;

use crate::sync::lock;

/// Free buffers, the one used last on top: it is the warmest.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    free: Vec<gst::Buffer>,
    /// Users inside the base class, who may wait for its queue.
    elsewhere: u32,
}

impl Shelf {
    /// A free buffer, or else what `otherwise` comes back with from the base class.
    pub(super) fn take_or<T>(&self, otherwise: impl FnOnce() -> T) -> Result<gst::Buffer, T> {
        {
            let mut state = lock(&self.0);
            if let Some(buffer) = state.free.pop() {
                return Ok(buffer);
            }
            state.elsewhere += 1;
        }
        let result = otherwise();
        lock(&self.0).elsewhere -= 1;
        Err(result)
    }

    /// Keeps a buffer, or hands it back for the base class if somebody may wait there.
    pub(super) fn put(&self, buffer: gst::Buffer) -> Result<(), gst::Buffer> {
        let mut state = lock(&self.0);
        if state.elsewhere > 0 {
            return Err(buffer);
        }
        state.free.push(buffer);
        Ok(())
    }

    /// Everything that lies here.
    pub(super) fn clear(&self) -> Vec<gst::Buffer> {
        std::mem::take(&mut lock(&self.0).free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_used_last_is_used_next() {
        gst::init().expect("GStreamer");
        let shelf = Shelf::default();
        let buffers = [gst::Buffer::new(), gst::Buffer::new()];
        for buffer in &buffers {
            shelf.put(buffer.clone()).expect("nobody waits");
        }
        let taken = shelf.take_or(|| ()).expect("two are there");
        assert_eq!(taken.as_ptr(), buffers[1].as_ptr());
        assert_eq!(shelf.clear().len(), 1);
    }

    #[test]
    fn whoever_waits_elsewhere_gets_the_next_buffer_there() {
        gst::init().expect("GStreamer");
        let shelf = Shelf::default();
        let meanwhile = shelf.take_or(|| shelf.put(gst::Buffer::new()).is_err());
        assert!(matches!(meanwhile, Err(true)));
        assert!(shelf.put(gst::Buffer::new()).is_ok());
    }
}
