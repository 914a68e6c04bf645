//! The cache of what was imported on a connection.

use std::collections::HashSet;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dmabuf_heap::{DmaBufId, Format, FormatSet, Frame, ImportCache};
use tracing::debug;
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_client::{Connection, Proxy, QueueHandle};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1::{
    Flags, ZwpLinuxBufferParamsV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;

use super::{
    Buffer, BufferData, BufferId, ImportError, ImportStats, Kind, ParamsData, Standing, bounds,
};
use crate::client::Client;

/// So many kinds are trusted; who has more starts learning anew.
const TRUSTED_MAX: usize = 64;

/// The imports of a connection.
#[derive(Debug)]
pub(crate) struct Buffers {
    display: String,
    connection: Connection,
    handle: QueueHandle<Client>,
    dmabuf: Option<ZwpLinuxDmabufV1>,
    /// The version that the compositor has, also if it is too old.
    announced: Option<u32>,
    cache: Mutex<Cache>,
    /// Imports that the compositor has not answered.
    unanswered: AtomicUsize,
    last_id: AtomicU64,
}

#[derive(Debug, Default)]
struct Cache {
    buffers: Imports,
    trusted: HashSet<Kind>,
    stats: ImportStats,
}

type Imports = ImportCache<Arc<Buffer>>;

impl Buffers {
    pub(crate) fn new(
        display: &str,
        connection: &Connection,
        handle: &QueueHandle<Client>,
        dmabuf: Option<ZwpLinuxDmabufV1>,
        announced: Option<u32>,
    ) -> Buffers {
        Buffers {
            display: display.to_owned(),
            connection: connection.clone(),
            handle: handle.clone(),
            dmabuf,
            announced,
            cache: Mutex::default(),
            unanswered: AtomicUsize::new(0),
            last_id: AtomicU64::new(0),
        }
    }

    pub(crate) fn stats(&self) -> ImportStats {
        let cache = self.lock();
        ImportStats {
            live: cache.buffers.len(),
            ..cache.stats
        }
    }

    /// Whether the compositor has not answered an import.
    pub(crate) fn is_waiting(&self) -> bool {
        self.unanswered.load(Ordering::Acquire) > 0
    }

    pub(crate) fn next_id(&self) -> BufferId {
        BufferId(self.last_id.fetch_add(1, Ordering::Relaxed))
    }

    /// The buffer of a frame, from the cache, or newly sent to a compositor that takes `formats`. Nothing is flushed.
    pub(crate) fn import(
        self: &Arc<Self>,
        frame: &Frame,
        formats: impl FnOnce() -> FormatSet,
    ) -> Result<Arc<Buffer>, Arc<ImportError>> {
        let mut cache = self.lock();
        if let Some(buffer) = cache.buffers.get(frame.key()).cloned() {
            cache.stats.cache_hits += 1;
            drop(cache);
            return buffer.refusal().map_or(Ok(buffer), Err);
        }
        let dmabuf = self.check(frame, &formats())?;
        let buffer = self.send(&mut cache, dmabuf, frame);
        cache.buffers.insert(frame, Arc::clone(&buffer));
        drop(cache);
        Imports::forget_on_close(frame, self, Buffers::forget);
        Ok(buffer)
    }

    /// What the protocol would not let pass, or would end the connection for.
    fn check(&self, frame: &Frame, formats: &FormatSet) -> Result<&ZwpLinuxDmabufV1, ImportError> {
        let display = || self.display.clone();
        let dmabuf = self.dmabuf.as_ref().ok_or_else(|| ImportError::NoDmabuf {
            display: display(),
            announced: self.announced,
        })?;
        let format: Format = frame.layout().format();
        if !formats.contains(format) {
            return Err(ImportError::Format {
                display: display(),
                format,
                formats: formats.clone(),
            });
        }
        bounds::check(frame).map_err(|what| ImportError::Bounds {
            display: display(),
            frame: frame.to_string(),
            what,
        })?;
        Ok(dmabuf)
    }

    /// Sends the frame: on trust if one like it was imported, else with the answer awaited.
    fn send(
        self: &Arc<Self>,
        cache: &mut Cache,
        dmabuf: &ZwpLinuxDmabufV1,
        frame: &Frame,
    ) -> Arc<Buffer> {
        let kind = Kind::of(frame);
        let is_trusted = kind
            .as_ref()
            .is_some_and(|kind| cache.trusted.contains(kind));
        let buffer = Arc::new(Buffer::new(self.next_id(), *frame.key(), kind));
        let data = ParamsData {
            buffers: Arc::downgrade(self),
            buffer: Arc::downgrade(&buffer),
            frame: frame.to_string(),
        };
        let params = dmabuf.create_params(&self.handle, data);
        add_planes(&params, frame);
        let layout = frame.layout();
        let (width, height) = (layout.width().cast_signed(), layout.height().cast_signed());
        let fourcc = layout.fourcc().0;
        if is_trusted {
            let data = BufferData::of(buffer.id);
            let wl_buffer =
                params.create_immed(width, height, fourcc, Flags::empty(), &self.handle, data);
            // The parameters stay: they are what a compositor that is not strict reports a failure on.
            buffer.settle(Standing::Ready(wl_buffer, Some(params)));
            cache.stats.trusted += 1;
        } else {
            params.create(width, height, fourcc, Flags::empty());
            self.unanswered.fetch_add(1, Ordering::AcqRel);
            cache.stats.asked += 1;
        }
        debug!(display = self.display, %frame, is_trusted, "frame sent for import");
        buffer
    }

    /// The compositor has answered `create`.
    pub(super) fn created(&self, buffer: &Buffer, wl_buffer: WlBuffer) {
        self.answered();
        if let Some(data) = wl_buffer.data::<BufferData>() {
            // Set here for the first time: the object was made by this event.
            let _first = data.0.set(buffer.id);
        }
        buffer.settle(Standing::Ready(wl_buffer, None));
        if let Some(kind) = &buffer.kind {
            let mut cache = self.lock();
            if cache.trusted.len() >= TRUSTED_MAX {
                cache.trusted.clear();
            }
            cache.trusted.insert(kind.clone());
        }
    }

    /// The compositor has answered that it cannot.
    pub(super) fn failed(&self, buffer: &Buffer, frame: &str) {
        let was_trusted = buffer.wl_buffer().is_some();
        if !was_trusted {
            self.answered();
        }
        buffer.settle(Standing::Refused(Arc::new(ImportError::Refused {
            display: self.display.clone(),
            frame: frame.to_owned(),
        })));
        let mut cache = self.lock();
        cache.stats.refused += 1;
        if let Some(kind) = &buffer.kind {
            cache.trusted.remove(kind);
        }
    }

    pub(super) fn answered(&self) {
        self.unanswered.fetch_sub(1, Ordering::AcqRel);
    }

    /// What was learnt of a device says nothing of another: the next frame of each kind is asked for again.
    pub(crate) fn distrust(&self) {
        self.lock().trusted.clear();
    }

    /// The connection has ended: whoever waits for an answer shall look.
    pub(crate) fn wake(&self) {
        self.unanswered.store(0, Ordering::Release);
        let buffers: Vec<_> = {
            let cache = self.lock();
            cache.buffers.values().map(Arc::clone).collect()
        };
        for buffer in buffers {
            drop(buffer.lock());
            buffer.settled.notify_all();
        }
    }

    /// Forgets the buffers of a dma-buf that this process closes.
    fn forget(&self, closed: DmaBufId) {
        let forgotten = self.lock().buffers.take_closed();
        if forgotten.is_empty() {
            return;
        }
        drop(forgotten);
        debug!(
            display = self.display,
            inode = closed.inode,
            "dma-buf closed, its buffers forgotten"
        );
        // The compositor holds the memory until it reads of this. Should its socket be full, the next flush tells it.
        let _retried = self.connection.flush();
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add_planes(params: &ZwpLinuxBufferParamsV1, frame: &Frame) {
    let layout = frame.layout();
    let (high, low) = halves(layout.modifier().0);
    for ((index, plane), number) in layout.planes().iter().enumerate().zip(0..) {
        // Frames with larger offsets were refused before.
        let offset = u32::try_from(plane.offset).unwrap_or(u32::MAX);
        let fd = frame.dmabuf(index).as_fd();
        params.add(fd, number, offset, plane.stride, high, low);
    }
}

/// The upper and the lower 32 bits.
fn halves(number: u64) -> (u32, u32) {
    let low = u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    let high = u32::try_from(number >> 32).unwrap_or(u32::MAX);
    (high, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modifier_is_sent_in_halves() {
        assert_eq!(halves(0x0100_0000_0000_0002), (0x0100_0000, 2));
        assert_eq!(halves(u64::MAX), (u32::MAX, u32::MAX));
    }
}
