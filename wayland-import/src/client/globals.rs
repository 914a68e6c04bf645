//! The globals of a compositor that video surfaces are made of.

use smithay_client_toolkit::error::GlobalError;
use smithay_client_toolkit::globals::ProvidesBoundGlobal;
use smithay_client_toolkit::shell::xdg::XdgShell;
use wayland_client::globals::{BindError, GlobalList};
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::protocol::wl_shm::WlShm;
use wayland_client::protocol::wl_subcompositor::WlSubcompositor;
use wayland_client::{Proxy, QueueHandle};
use wayland_protocols::wp::color_representation::v1::client::wp_color_representation_manager_v1::WpColorRepresentationManagerV1;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_feedback_v1::ZwpLinuxDmabufFeedbackV1;
use wayland_protocols::wp::linux_dmabuf::zv1::client::zwp_linux_dmabuf_v1::ZwpLinuxDmabufV1;
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;
use wayland_protocols::wp::single_pixel_buffer::v1::client::wp_single_pixel_buffer_manager_v1::WpSinglePixelBufferManagerV1;
use wayland_protocols::wp::viewporter::client::wp_viewporter::WpViewporter;

use super::introduction::Introduced;
use super::{Client, FeedbackData, Ignored};

/// The first version of linux-dmabuf that tells modifiers.
const DMABUF_NEEDED: u32 = 3;
/// The first version of linux-dmabuf with feedback.
const DMABUF_FEEDBACK: u32 = 4;
/// The first versions that can be released.
const COMPOSITOR_RELEASE: u32 = 7;
const SHM_RELEASE: u32 = 2;

/// What was bound. Drop destroys what can be destroyed, for a connection may outlive us: all of it where the compositor is new
/// enough, else all but the registry, `wl_compositor` and `wl_shm`, which got their destructors late.
#[derive(Debug)]
pub(crate) struct Globals {
    /// Until the end.
    list: Option<GlobalList>,
    pub(crate) compositor: WlCompositor,
    pub(crate) subcompositor: WlSubcompositor,
    pub(crate) shm: WlShm,
    pub(crate) shell: Option<XdgShell>,
    pub(crate) dmabuf: Option<ZwpLinuxDmabufV1>,
    /// The version that the compositor has, also if it is too old.
    pub(crate) dmabuf_announced: Option<u32>,
    feedback: Option<ZwpLinuxDmabufFeedbackV1>,
    pub(crate) viewporter: Option<WpViewporter>,
    pub(crate) presentation: Option<WpPresentation>,
    pub(crate) color: Option<WpColorRepresentationManagerV1>,
    pub(crate) single_pixel: Option<WpSinglePixelBufferManagerV1>,
}

/// A global that no video surface can do without.
#[derive(Debug)]
pub(crate) struct MissingGlobal {
    pub(crate) interface: &'static str,
    pub(crate) needed: u32,
    pub(crate) found: Option<u32>,
}

impl Globals {
    /// Binds what there is; `with_windows` also the window shell.
    pub(crate) fn bind(
        list: &GlobalList,
        handle: &QueueHandle<Client>,
        with_windows: bool,
    ) -> Result<Globals, MissingGlobal> {
        // Version 4 has wl_surface.damage_buffer.
        let compositor = bind(list, 4, |versions| list.bind(handle, versions, Ignored), 7)?;
        let subcompositor = bind(list, 1, |versions| list.bind(handle, versions, Ignored), 1)?;
        let shm = bind(
            list,
            1,
            |versions| list.bind(handle, versions, Introduced),
            SHM_RELEASE,
        )?;
        let dmabuf: Option<ZwpLinuxDmabufV1> =
            list.bind(handle, DMABUF_NEEDED..=5, Introduced).ok();
        let feedback = dmabuf
            .as_ref()
            .filter(|dmabuf| dmabuf.version() >= DMABUF_FEEDBACK)
            .map(|dmabuf| dmabuf.get_default_feedback(handle, FeedbackData::default()));
        let shell = with_windows.then(|| XdgShell::bind(list, handle).ok());
        Ok(Globals {
            list: None,
            compositor,
            subcompositor,
            shm,
            shell: shell.flatten(),
            dmabuf,
            dmabuf_announced: announced(list, ZwpLinuxDmabufV1::interface().name),
            feedback,
            viewporter: list.bind(handle, 1..=1, Ignored).ok(),
            presentation: list.bind(handle, 1..=1, Introduced).ok(),
            color: list.bind(handle, 1..=1, Introduced).ok(),
            single_pixel: list.bind(handle, 1..=1, Ignored).ok(),
        })
    }

    /// Takes what everything was bound of.
    pub(crate) fn keep(&mut self, list: GlobalList) {
        self.list = Some(list);
    }

    /// Whether surfaces have feedback of their own.
    pub(crate) fn feedback_source(&self) -> Option<&ZwpLinuxDmabufV1> {
        self.dmabuf
            .as_ref()
            .filter(|dmabuf| dmabuf.version() >= DMABUF_FEEDBACK)
    }
}

impl ProvidesBoundGlobal<WlShm, 1> for Globals {
    fn bound_global(&self) -> Result<WlShm, GlobalError> {
        Ok(self.shm.clone())
    }
}

impl Drop for Globals {
    fn drop(&mut self) {
        if let Some(feedback) = &self.feedback {
            feedback.destroy();
        }
        if let Some(dmabuf) = &self.dmabuf {
            dmabuf.destroy();
        }
        if let Some(viewporter) = &self.viewporter {
            viewporter.destroy();
        }
        if let Some(presentation) = &self.presentation {
            presentation.destroy();
        }
        if let Some(color) = &self.color {
            color.destroy();
        }
        if let Some(single_pixel) = &self.single_pixel {
            single_pixel.destroy();
        }
        if let Some(shell) = &self.shell {
            shell.xdg_wm_base().destroy();
        }
        self.subcompositor.destroy();
        if self.shm.version() >= SHM_RELEASE {
            self.shm.release();
        }
        if self.compositor.version() >= COMPOSITOR_RELEASE {
            self.compositor.release();
        }
        if let Some(list) = self.list.take() {
            list.destroy();
        }
        if let Some(backend) = self.compositor.backend().upgrade() {
            // A connection that has ended needs nothing more.
            let _sent = backend.flush();
        }
    }
}

fn bind<I: Proxy>(
    list: &GlobalList,
    needed: u32,
    bind: impl FnOnce(std::ops::RangeInclusive<u32>) -> Result<I, BindError>,
    known: u32,
) -> Result<I, MissingGlobal> {
    let interface = I::interface().name;
    bind(needed..=known).map_err(|_told_below| MissingGlobal {
        interface,
        needed,
        found: announced(list, interface),
    })
}

fn announced(list: &GlobalList, interface: &str) -> Option<u32> {
    list.contents().with_list(|globals| {
        let global = globals.iter().find(|global| global.interface == interface);
        global.map(|global| global.version)
    })
}
