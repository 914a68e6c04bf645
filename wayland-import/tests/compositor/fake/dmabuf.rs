//! linux-dmabuf, version 3 to 5.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use wayland_protocols::wp::linux_dmabuf::zv1::server::{
    zwp_linux_buffer_params_v1::{self, ZwpLinuxBufferParamsV1},
    zwp_linux_dmabuf_feedback_v1::{TrancheFlags, ZwpLinuxDmabufFeedbackV1},
    zwp_linux_dmabuf_v1::{self, ZwpLinuxDmabufV1},
};
use wayland_server::protocol::wl_buffer::WlBuffer;
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource};

use super::{Import, Seen, State, Table};

pub(super) type Feedback = ZwpLinuxDmabufFeedbackV1;

impl GlobalDispatch<ZwpLinuxDmabufV1, ()> for State {
    fn bind(
        state: &mut State,
        _: &DisplayHandle,
        _: &Client,
        resource: New<ZwpLinuxDmabufV1>,
        (): &(),
        init: &mut DataInit<'_, State>,
    ) {
        let dmabuf = init.init(resource, ());
        if dmabuf.version() == 3 {
            for format in &state.config.formats {
                let modifier = format.modifier.0;
                let (high, low) = ((modifier >> 32) as u32, (modifier & 0xffff_ffff) as u32);
                dmabuf.modifier(format.fourcc.0, high, low);
            }
        }
    }
}

impl Dispatch<ZwpLinuxDmabufV1, ()> for State {
    fn request(
        state: &mut State,
        _: &Client,
        _: &ZwpLinuxDmabufV1,
        request: zwp_linux_dmabuf_v1::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, State>,
    ) {
        match request {
            zwp_linux_dmabuf_v1::Request::CreateParams { params_id } => {
                init.init(params_id, ());
            }
            zwp_linux_dmabuf_v1::Request::GetDefaultFeedback { id } => {
                let feedback = init.init(id, ());
                state.introduce(&feedback);
                state.feedbacks.push(feedback);
            }
            zwp_linux_dmabuf_v1::Request::GetSurfaceFeedback { id, .. } => {
                let feedback = init.init(id, ());
                state.introduce(&feedback);
            }
            _ => {}
        }
    }
}

impl State {
    /// The first feedback: with a table, in two tranches, the second in two pieces.
    fn introduce(&self, feedback: &Feedback) {
        let mut bytes = Vec::new();
        for format in &self.config.formats {
            bytes.extend(format.fourcc.0.to_ne_bytes());
            bytes.extend([0; 4]);
            bytes.extend(format.modifier.0.to_ne_bytes());
        }
        let mut announced = u32::try_from(bytes.len()).unwrap();
        match self.config.table {
            Table::Good => {}
            Table::Short => announced += 4096,
            Table::Garbage => {
                bytes = vec![0xa5; 7];
                announced = 7;
            }
        }
        let table = file(&bytes);
        feedback.format_table(table.as_fd(), announced);
        feedback.main_device(vec![0xff; 3]);
        let indices: Vec<u16> = (0..u16::try_from(self.config.formats.len()).unwrap()).collect();
        let (first, rest) = indices.split_at(indices.len().min(1));
        send_tranche(feedback, &[first]);
        let (middle, last) = rest.split_at(rest.len() / 2);
        send_tranche(feedback, &[middle, last]);
        feedback.done();
    }
}

/// Without a table, as Weston does.
pub(super) fn send_again(state: &State, indices: &[u16]) {
    for feedback in &state.feedbacks {
        send_tranche(feedback, &[indices]);
        feedback.done();
    }
}

fn send_tranche(feedback: &Feedback, pieces: &[&[u16]]) {
    feedback.tranche_target_device(Vec::new());
    feedback.tranche_flags(TrancheFlags::empty());
    for piece in pieces {
        feedback.tranche_formats(piece.iter().flat_map(|index| index.to_ne_bytes()).collect());
    }
    feedback.tranche_done();
}

fn file(bytes: &[u8]) -> OwnedFd {
    let file = memfd_create("table", MemfdFlags::CLOEXEC).unwrap();
    rustix::io::write(&file, bytes).unwrap();
    file
}

impl Dispatch<Feedback, ()> for State {
    fn request(
        _: &mut State,
        _: &Client,
        _: &Feedback,
        _: <Feedback as Resource>::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, State>,
    ) {
    }
}

impl Dispatch<ZwpLinuxBufferParamsV1, ()> for State {
    fn request(
        state: &mut State,
        client: &Client,
        params: &ZwpLinuxBufferParamsV1,
        request: zwp_linux_buffer_params_v1::Request,
        (): &(),
        handle: &DisplayHandle,
        init: &mut DataInit<'_, State>,
    ) {
        match request {
            zwp_linux_buffer_params_v1::Request::Create { .. } => {
                state.note(Seen::Asked);
                match state.config.import {
                    Import::Accepted => {
                        let buffer = client.create_resource::<WlBuffer, (), State>(handle, 1, ());
                        params.created(&buffer.unwrap());
                    }
                    Import::Failed => params.failed(),
                    Import::Unanswered => {}
                }
            }
            zwp_linux_buffer_params_v1::Request::CreateImmed { buffer_id, .. } => {
                state.note(Seen::Trusted);
                init.init(buffer_id, ());
                if state.config.import == Import::Failed {
                    params.failed();
                }
            }
            _ => {}
        }
    }
}
