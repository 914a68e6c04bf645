//! What a compositor says about itself when it is asked, and again later.

use std::sync::{Mutex, PoisonError, Weak};

use dmabuf_heap::{Format, FormatSet, Fourcc, Modifier, YuvColor, YuvEncoding, YuvRange};
use smithay_client_toolkit::dispatch2::Dispatch2;
use wayland_client::protocol::wl_shm::{self, WlShm};
use wayland_client::{Connection, QueueHandle, WEnum};
use wayland_protocols::wp::color_representation::v1::client::wp_color_representation_manager_v1::{
    self, WpColorRepresentationManagerV1,
};
use wayland_protocols::wp::color_representation::v1::client::wp_color_representation_surface_v1::{
    Coefficients, Range,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::{
    self, ZwpLinuxDmabufFeedbackV1,
};
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::{
    self, ZwpLinuxDmabufV1,
};
use wayland_protocols::wp::presentation_time::client::wp_presentation::{self, WpPresentation};

use super::Client;
use crate::display::Clock;
use crate::feedback::Reader;
use crate::surface::Core;

/// Everything that was said so far.
#[derive(Debug, Default)]
pub(crate) struct Introduction {
    /// What can be imported.
    pub(crate) formats: FormatSet,
    pub(crate) shm_formats: FormatSet,
    pub(crate) clock: Option<Clock>,
    pub(crate) colors: Vec<YuvColor>,
}

/// The user data of the globals that introduce themselves.
#[derive(Debug)]
pub(crate) struct Introduced;

/// A feedback of linux-dmabuf: of a surface, or the default one.
#[derive(Debug, Default)]
pub(crate) struct FeedbackData {
    reader: Mutex<Reader>,
    surface: Option<Weak<Core>>,
}

impl FeedbackData {
    pub(crate) fn of_surface(core: Weak<Core>) -> FeedbackData {
        FeedbackData {
            reader: Mutex::default(),
            surface: Some(core),
        }
    }
}

impl Dispatch2<WlShm, Client> for Introduced {
    fn event(
        &self,
        client: &mut Client,
        _shm: &WlShm,
        event: wl_shm::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        if let wl_shm::Event::Format { format } = event {
            let fourcc = fourcc_of_shm(format.into());
            client
                .introduction
                .shm_formats
                .insert(Format::linear(fourcc));
        }
    }
}

/// `wl_shm` has numbers of its own for two formats, and the fourcc for all others.
fn fourcc_of_shm(format: u32) -> Fourcc {
    match format {
        0 => Fourcc::ARGB8888,
        1 => Fourcc::XRGB8888,
        fourcc => Fourcc(fourcc),
    }
}

/// The number that `wl_shm` has for a fourcc; `None` for one that its list lacks.
pub(crate) fn shm_of_fourcc(fourcc: Fourcc) -> Option<wl_shm::Format> {
    let number = match fourcc {
        Fourcc::ARGB8888 => 0,
        Fourcc::XRGB8888 => 1,
        fourcc => fourcc.0,
    };
    wl_shm::Format::try_from(number).ok()
}

impl Dispatch2<ZwpLinuxDmabufV1, Client> for Introduced {
    fn event(
        &self,
        client: &mut Client,
        _dmabuf: &ZwpLinuxDmabufV1,
        event: zwp_linux_dmabuf_v1::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        // Version 3. The older event `format` tells nothing that this one does not.
        if let zwp_linux_dmabuf_v1::Event::Modifier {
            format,
            modifier_hi,
            modifier_lo,
        } = event
        {
            client.introduction.formats.insert(Format {
                fourcc: Fourcc(format),
                modifier: Modifier(u64::from(modifier_hi) << 32 | u64::from(modifier_lo)),
            });
        }
    }
}

impl Dispatch2<ZwpLinuxDmabufFeedbackV1, Client> for FeedbackData {
    fn event(
        &self,
        client: &mut Client,
        _feedback: &ZwpLinuxDmabufFeedbackV1,
        event: zwp_linux_dmabuf_feedback_v1::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            zwp_linux_dmabuf_feedback_v1::Event::FormatTable { fd, size } => {
                reader.format_table(fd, size);
            }
            zwp_linux_dmabuf_feedback_v1::Event::TrancheFormats { indices } => {
                reader.tranche_formats(&indices);
            }
            zwp_linux_dmabuf_feedback_v1::Event::TrancheDone => reader.tranche_done(),
            zwp_linux_dmabuf_feedback_v1::Event::Done => {
                let formats = reader.done();
                drop(reader);
                if let Some(formats) = formats {
                    self.tell(client, formats);
                }
            }
            // The devices behind a tranche: which of them reads a frame is the compositor's matter.
            _ => {}
        }
    }
}

impl FeedbackData {
    fn tell(&self, client: &mut Client, formats: FormatSet) {
        if let Some(core) = &self.surface {
            if let Some(core) = core.upgrade() {
                core.formats_changed(formats);
            }
            return;
        }
        client.introduction.formats = formats.clone();
        if let Some(link) = client.link.upgrade() {
            link.formats_changed(formats);
        }
    }
}

impl Dispatch2<WpPresentation, Client> for Introduced {
    fn event(
        &self,
        client: &mut Client,
        _presentation: &WpPresentation,
        event: wp_presentation::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        if let wp_presentation::Event::ClockId { clk_id } = event {
            client.introduction.clock = Some(Clock(clk_id));
        }
    }
}

impl Dispatch2<WpColorRepresentationManagerV1, Client> for Introduced {
    fn event(
        &self,
        client: &mut Client,
        _manager: &WpColorRepresentationManagerV1,
        event: wp_color_representation_manager_v1::Event,
        _connection: &Connection,
        _handle: &QueueHandle<Client>,
    ) {
        if let wp_color_representation_manager_v1::Event::SupportedCoefficientsAndRanges {
            coefficients: WEnum::Value(coefficients),
            range: WEnum::Value(range),
        } = event
            && let Some(color) = yuv_color(coefficients, range)
        {
            client.introduction.colors.push(color);
        }
    }
}

/// `None` for what our frames never are.
fn yuv_color(coefficients: Coefficients, range: Range) -> Option<YuvColor> {
    let encoding = match coefficients {
        Coefficients::Bt601 => YuvEncoding::Bt601,
        Coefficients::Bt709 => YuvEncoding::Bt709,
        Coefficients::Bt2020 => YuvEncoding::Bt2020,
        _ => return None,
    };
    let range = match range {
        Range::Full => YuvRange::Full,
        Range::Limited => YuvRange::Limited,
        _ => return None,
    };
    Some(YuvColor::new(encoding, range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shm_formats_are_fourccs_but_for_two() {
        for (number, fourcc) in [
            (0, Fourcc::ARGB8888),
            (1, Fourcc::XRGB8888),
            (0x3631_4752, Fourcc::RGB565),
        ] {
            assert_eq!(fourcc_of_shm(number), fourcc);
            assert_eq!(shm_of_fourcc(fourcc).map(u32::from), Some(number));
        }
        assert_eq!(shm_of_fourcc(Fourcc(7)), None);
    }
}
