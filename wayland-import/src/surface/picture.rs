//! What can be attached to a surface.

use std::sync::Arc;

use wayland_client::protocol::wl_buffer::WlBuffer;

use super::line::Attachable;
use crate::buffer::{Buffer, BufferId};
use crate::shm::ShmBuffer;

/// A picture where it lies, or a copy of it.
#[derive(Clone, Debug)]
pub(super) enum Picture {
    Imported(Arc<Buffer>),
    Copied(Arc<ShmBuffer>),
}

impl Picture {
    pub(super) fn wl_buffer(&self) -> Option<WlBuffer> {
        match self {
            Picture::Imported(buffer) => buffer.wl_buffer(),
            Picture::Copied(buffer) => Some(buffer.wl_buffer.clone()),
        }
    }
}

impl Attachable for Picture {
    fn id(&self) -> BufferId {
        match self {
            Picture::Imported(buffer) => buffer.id,
            Picture::Copied(buffer) => buffer.id,
        }
    }

    fn is_ready(&self) -> bool {
        match self {
            Picture::Imported(buffer) => buffer.wl_buffer().is_some(),
            Picture::Copied(_) => true,
        }
    }
}
