//! PRIME import with clean hands, and the cache of what was imported.
//!
//! A PRIME import gives a GEM handle. Handles are not counted: importing a dma-buf twice gives the same
//! handle twice, and closing it once closes it for everybody on the open file. A framebuffer holds the
//! memory by itself. So the handles live only from the import to `ADDFB2`, under one lock, and each
//! distinct one is closed exactly once, on every way out.

use std::num::NonZeroU32;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dmabuf_heap::{
    DmaBuf, DmaBufId, Format, Frame, FrameLayout, ImportCache, MAX_PLANES, Modifier,
};
use drm::buffer::Handle;
use drm::control::Device as _;
use tracing::{debug, warn};

use super::{Framebuffer, ImportError};
use crate::device::Card;
use crate::uapi::{self, FramebufferCommand};

/// Counters of a card's import cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImportStats {
    /// Frames that were imported: one `ADDFB2` each.
    pub imports: u64,
    /// Frames that were found imported.
    pub cache_hits: u64,
    /// Framebuffers in the cache now.
    pub live: usize,
}

/// The import cache of a card. Its lock is also the one from PRIME import to GEM close.
#[derive(Debug)]
pub(crate) struct Imports {
    card: Arc<Card>,
    has_modifiers: bool,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    framebuffers: Framebuffers,
    imports: u64,
    hits: u64,
}

type Framebuffers = ImportCache<Arc<Framebuffer>>;

impl Imports {
    pub(crate) fn new(card: Arc<Card>, has_modifiers: bool) -> Imports {
        Imports {
            card,
            has_modifiers,
            cache: Mutex::default(),
        }
    }

    pub(crate) fn stats(&self) -> ImportStats {
        let cache = self.lock();
        ImportStats {
            imports: cache.imports,
            cache_hits: cache.hits,
            live: cache.framebuffers.len(),
        }
    }

    pub(crate) fn import(self: &Arc<Self>, frame: &Frame) -> Result<Arc<Framebuffer>, ImportError> {
        let mut cache = self.lock();
        if let Some(framebuffer) = cache.framebuffers.get(frame.key()).cloned() {
            cache.hits += 1;
            return Ok(framebuffer);
        }
        let framebuffer = Arc::new(self.add(frame)?);
        cache.framebuffers.insert(frame, Arc::clone(&framebuffer));
        cache.imports += 1;
        drop(cache);
        Framebuffers::forget_on_close(frame, self, Imports::forget);
        Ok(framebuffer)
    }

    /// Forgets the framebuffers of a dma-buf that this process closes.
    fn forget(&self, closed: DmaBufId) {
        let forgotten = self.lock().framebuffers.take_closed();
        // Closing framebuffers is a system call each, and needs no lock.
        drop(forgotten);
        debug!(card = %self.card, inode = closed.inode, "dma-buf closed, its framebuffers forgotten");
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Imports the dma-bufs, makes the framebuffer, gives the handles back. Called with the lock held.
    fn add(&self, frame: &Frame) -> Result<Framebuffer, ImportError> {
        let layout = frame.layout();
        let has_modifier = self.tell_modifier(frame, layout.format())?;
        let mut handles = Handles::new(&self.card);
        let mut numbers = [0; MAX_PLANES];
        for (index, _plane) in layout.planes().iter().enumerate() {
            numbers[index] = handles.import(frame, frame.dmabuf(index))?;
        }
        let command =
            command(layout, has_modifier, numbers).ok_or_else(|| ImportError::OffsetTooLarge {
                device: self.card.to_string(),
                frame: frame.to_string(),
            })?;
        let refused = |source| ImportError::Layout {
            device: self.card.to_string(),
            frame: frame.to_string(),
            source,
        };
        let id = uapi::add_framebuffer(self.card.as_fd(), &command).map_err(refused)?;
        let id = NonZeroU32::new(id)
            .ok_or_else(|| refused(std::io::Error::other("the driver gave id 0")))?;
        debug!(card = %self.card, id, %frame, "frame imported");
        Ok(Framebuffer::new(Arc::clone(&self.card), id, layout))
    }

    /// Makes a framebuffer of a buffer of this very card and closes it again. Only for linear layouts.
    pub(crate) fn try_layout(&self, layout: &FrameLayout, handle: u32) -> std::io::Result<()> {
        let mut handles = [0; MAX_PLANES];
        handles[..layout.planes().len()].fill(handle);
        let command =
            command(layout, self.has_modifiers, handles).ok_or(std::io::ErrorKind::InvalidInput)?;
        let id = uapi::add_framebuffer(self.card.as_fd(), &command)?;
        let id = NonZeroU32::new(id).ok_or(std::io::ErrorKind::InvalidData)?;
        drop(Framebuffer::new(Arc::clone(&self.card), id, layout));
        Ok(())
    }

    /// Whether ADDFB2 is told the modifier. Without that flag a driver assumes linear, or asks the exporter.
    fn tell_modifier(&self, frame: &Frame, format: Format) -> Result<bool, ImportError> {
        match format.modifier {
            Modifier::INVALID => Ok(false),
            _ if self.has_modifiers => Ok(true),
            Modifier::LINEAR => Ok(false),
            _ => Err(ImportError::NoModifiers {
                device: self.card.to_string(),
                frame: frame.to_string(),
                format,
            }),
        }
    }
}

/// What ADDFB2 is told; `None` if an offset does not fit.
fn command(
    layout: &FrameLayout,
    has_modifier: bool,
    handles: [u32; MAX_PLANES],
) -> Option<FramebufferCommand> {
    let mut command = FramebufferCommand {
        width: layout.width(),
        height: layout.height(),
        pixel_format: layout.fourcc().0,
        flags: if has_modifier { uapi::FB_MODIFIERS } else { 0 },
        handles,
        ..FramebufferCommand::default()
    };
    for (index, plane) in layout.planes().iter().enumerate() {
        command.pitches[index] = plane.stride;
        command.offsets[index] = u32::try_from(plane.offset).ok()?;
        if has_modifier {
            command.modifier[index] = layout.modifier().0;
        }
    }
    Some(command)
}

/// The handles of one import; drop closes each distinct one.
struct Handles<'a> {
    card: &'a Card,
    imported: Vec<(DmaBufId, Handle)>,
}

impl<'a> Handles<'a> {
    fn new(card: &'a Card) -> Handles<'a> {
        Handles {
            card,
            imported: Vec::with_capacity(MAX_PLANES),
        }
    }

    /// The handle of a dma-buf, imported on first sight.
    fn import(&mut self, frame: &Frame, dmabuf: &DmaBuf) -> Result<u32, ImportError> {
        let id = dmabuf.id();
        if let Some((_, handle)) = self.imported.iter().find(|(imported, _)| *imported == id) {
            return Ok((*handle).into());
        }
        let handle = self
            .card
            .prime_fd_to_buffer(dmabuf.as_fd())
            .map_err(|source| ImportError::Prime {
                device: self.card.to_string(),
                frame: frame.to_string(),
                id,
                len: dmabuf.len(),
                source,
            })?;
        self.imported.push((id, handle));
        Ok(handle.into())
    }
}

impl Drop for Handles<'_> {
    fn drop(&mut self) {
        // Two dma-bufs may share a handle: two exports of one object of this very card.
        let mut closed: Vec<Handle> = Vec::with_capacity(self.imported.len());
        for &(_, handle) in &self.imported {
            if closed.contains(&handle) {
                continue;
            }
            closed.push(handle);
            if let Err(error) = self.card.close_buffer(handle) {
                warn!(card = %self.card, ?handle, %error, "GEM handle cannot be closed");
            }
        }
    }
}
