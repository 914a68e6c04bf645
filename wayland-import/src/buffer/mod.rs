//! Buffers: dma-bufs that a compositor has agreed to read as pictures.

mod bounds;
mod cache;
mod error;
mod events;
mod kind;
mod stats;

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use dmabuf_heap::FrameKey;
use wayland_client::protocol::wl_buffer::WlBuffer;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1::ZwpLinuxBufferParamsV1;

pub(crate) use cache::Buffers;
pub use error::ImportError;
pub(crate) use events::ParamsData;
use kind::Kind;
pub use stats::ImportStats;

/// What an object of type `wl_buffer` is to us: a number, by which its releases find the frames.
#[derive(Debug, Default)]
pub(crate) struct BufferData(OnceLock<BufferId>);

/// Tells the buffers of a connection apart, those of `wl_shm` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct BufferId(pub(crate) u64);

/// A frame at the compositor.
///
/// It keeps the memory alive in the compositor, not the [`Frame`](dmabuf_heap::Frame) in this process. Drop destroys it; so
/// it must not be dropped while the compositor may read it. A surface sees to that.
pub(crate) struct Buffer {
    pub(crate) id: BufferId,
    pub(crate) key: FrameKey,
    kind: Option<Kind>,
    standing: Mutex<Standing>,
    settled: Condvar,
}

/// How far an import has come.
#[derive(Debug)]
enum Standing {
    /// The compositor has been asked.
    Asked,
    /// It can be shown.
    Ready(WlBuffer, Option<ZwpLinuxBufferParamsV1>),
    Refused(Arc<ImportError>),
}

impl BufferData {
    pub(crate) fn of(id: BufferId) -> BufferData {
        BufferData(id.into())
    }

    pub(crate) fn id(&self) -> Option<BufferId> {
        self.0.get().copied()
    }
}

impl Buffer {
    fn new(id: BufferId, key: FrameKey, kind: Option<Kind>) -> Buffer {
        Buffer {
            id,
            key,
            kind,
            standing: Mutex::new(Standing::Asked),
            settled: Condvar::new(),
        }
    }

    /// What can be attached; `None` while the compositor has not answered, or has refused.
    pub(crate) fn wl_buffer(&self) -> Option<WlBuffer> {
        match &*self.lock() {
            Standing::Ready(buffer, _) => Some(buffer.clone()),
            Standing::Asked | Standing::Refused(_) => None,
        }
    }

    pub(crate) fn refusal(&self) -> Option<Arc<ImportError>> {
        match &*self.lock() {
            Standing::Refused(error) => Some(Arc::clone(error)),
            Standing::Asked | Standing::Ready(..) => None,
        }
    }

    /// Waits for the compositor's answer; false if there is none within `timeout`, or `is_over` says that none will come.
    pub(crate) fn wait(&self, timeout: Duration, is_over: impl Fn() -> bool) -> bool {
        let is_asked = |standing: &mut Standing| matches!(standing, Standing::Asked) && !is_over();
        let standing = self.lock();
        let waited = self.settled.wait_timeout_while(standing, timeout, is_asked);
        let (standing, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        !matches!(*standing, Standing::Asked)
    }

    fn settle(&self, standing: Standing) {
        let before = std::mem::replace(&mut *self.lock(), standing);
        before.destroy();
        self.settled.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    fn destroy(&self) {
        if let Standing::Ready(buffer, params) = self {
            buffer.destroy();
            if let Some(params) = params {
                params.destroy();
            }
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Buffer { id, standing, .. } = self;
        write!(f, "Buffer({id:?}, {standing:?})")
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.lock().destroy();
    }
}
