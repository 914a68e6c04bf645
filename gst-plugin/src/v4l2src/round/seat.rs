use v4l2_import::{Buffer, Capture};

/// One buffer number: where its `GstBuffer` is, and who has its slot at the driver.
#[derive(Debug)]
pub(super) struct Seat {
    /// Of the `GstBuffer`, wherever it is.
    identity: usize,
    /// The `GstBuffer`, while it is here.
    buffer: Option<gst::Buffer>,
    /// The right to queue it, while the driver does not have it.
    slot: Option<Buffer<Capture>>,
    is_introduced: bool,
    size: usize,
    memories: usize,
}

/// What came back.
#[derive(Debug)]
pub(super) enum Return {
    /// It can be filled again.
    Ready(Option<Buffer<Capture>>),
    /// Somebody still reads its memory through another `GstBuffer`.
    Shared,
    /// Somebody put other memory into it.
    Broken(gst::Buffer),
}

/// What tells a `GstBuffer` from all others that exist.
pub(super) fn identity(buffer: &gst::Buffer) -> usize {
    buffer.as_ptr() as usize
}

impl Seat {
    pub(super) fn new(slot: Buffer<Capture>, buffer: gst::Buffer) -> Self {
        Self {
            identity: identity(&buffer),
            size: buffer.size(),
            memories: buffer.n_memory(),
            buffer: Some(buffer),
            slot: Some(slot),
            is_introduced: false,
        }
    }

    pub(super) const fn is(&self, identity: usize) -> bool {
        self.identity == identity
    }

    /// The `GstBuffer`, the first time.
    pub(super) fn introduce(&mut self) -> Option<gst::Buffer> {
        if std::mem::replace(&mut self.is_introduced, true) {
            return None;
        }
        self.buffer.take()
    }

    pub(super) fn filled(&mut self, slot: Buffer<Capture>) -> Option<gst::Buffer> {
        self.slot = Some(slot);
        self.buffer.take()
    }

    pub(super) fn returned(&mut self, mut buffer: gst::Buffer) -> Return {
        let is_ours = buffer.n_memory() == self.memories
            && !buffer.flags().contains(gst::BufferFlags::TAG_MEMORY);
        if !is_ours {
            return Return::Broken(buffer);
        }
        if !buffer.is_all_memory_writable() {
            self.buffer = Some(buffer);
            return Return::Shared;
        }
        if buffer.size() != self.size {
            // A compressed picture is shorter than the memory.
            match buffer.get_mut() {
                Some(whole) if self.size <= whole.maxsize() => whole.set_size(self.size),
                _ => return Return::Broken(buffer),
            }
        }
        self.buffer = Some(buffer);
        Return::Ready(self.slot.take())
    }

    /// Takes a new `GstBuffer` in the place of one that came back broken.
    pub(super) fn renew(&mut self, buffer: gst::Buffer) -> Option<Buffer<Capture>> {
        self.identity = identity(&buffer);
        self.buffer = Some(buffer);
        self.slot.take()
    }

    /// The slot of one that was shared, if it is not any more.
    pub(super) fn recheck(&mut self) -> Option<Buffer<Capture>> {
        let buffer = self.buffer.take()?;
        if self.slot.is_none() {
            self.buffer = Some(buffer);
            return None;
        }
        match self.returned(buffer) {
            Return::Ready(slot) => slot,
            Return::Shared => None,
            Return::Broken(buffer) => {
                self.buffer = Some(buffer);
                None
            }
        }
    }

    /// Whether it waits for somebody who reads its memory through another `GstBuffer`.
    pub(super) const fn is_shared(&self) -> bool {
        self.buffer.is_some() && self.slot.is_some()
    }

    pub(super) fn keep(&mut self, slot: Buffer<Capture>) {
        self.slot = Some(slot);
    }

    pub(super) fn leave(&mut self) -> Option<gst::Buffer> {
        self.buffer.take()
    }
}
