//! What the compositor says about buffers.

use std::sync::{Arc, Weak};

use smithay_client_toolkit::dispatch2::Dispatch2;
use wayland_client::backend::ObjectData;
use wayland_client::protocol::wl_buffer::{self, WlBuffer};
use wayland_client::{Connection, QueueHandle};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_buffer_params_v1::{
    self, ZwpLinuxBufferParamsV1,
};

use super::{Buffer, BufferData, Buffers};
use crate::client::Client;

/// The parameters of one import.
#[derive(Debug)]
pub(crate) struct ParamsData {
    pub(super) buffers: Weak<Buffers>,
    pub(super) buffer: Weak<Buffer>,
    /// The frame in words.
    pub(super) frame: String,
}

impl Dispatch2<ZwpLinuxBufferParamsV1, Client> for ParamsData {
    fn event(
        &self,
        client: &mut Client,
        params: &ZwpLinuxBufferParamsV1,
        event: zwp_linux_buffer_params_v1::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        let parties = (self.buffers.upgrade(), self.buffer.upgrade());
        let (Some(buffers), Some(buffer)) = parties else {
            // Nobody wants it any more: its memory was closed meanwhile.
            if let zwp_linux_buffer_params_v1::Event::Created { buffer } = event {
                buffer.destroy();
            }
            params.destroy();
            if let Some(buffers) = self.buffers.upgrade() {
                buffers.answered();
            }
            return;
        };
        match event {
            zwp_linux_buffer_params_v1::Event::Created { buffer: wl_buffer } => {
                params.destroy();
                buffers.created(&buffer, wl_buffer);
            }
            zwp_linux_buffer_params_v1::Event::Failed => {
                params.destroy();
                buffers.failed(&buffer, &self.frame);
            }
            _ => return,
        }
        client.settled(&buffer);
    }

    fn event_created_child(_opcode: u16, handle: &QueueHandle<Client>) -> Arc<dyn ObjectData> {
        handle.make_data::<WlBuffer, _>(BufferData::default())
    }
}

impl Dispatch2<WlBuffer, Client> for BufferData {
    fn event(
        &self,
        client: &mut Client,
        _buffer: &WlBuffer,
        event: wl_buffer::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        if let (wl_buffer::Event::Release, Some(id)) = (event, self.id()) {
            client.released(id);
        }
    }
}
