use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "foreign")]
use dmabuf_heap::Rect;
use smithay_client_toolkit::shell::xdg::window::WindowDecorations;
use wayland_client::protocol::wl_output::WlOutput;

use super::copy::Copies;
use super::core::{Canvas, Core, Role, lock};
use super::{Surface, SurfaceError};
use crate::client::{FeedbackData, Ignored};
use crate::display::Display;

/// How long a compositor may take to say how large a window is.
const CONFIGURE: Duration = Duration::from_secs(5);

/// What a window shall be like; whatever is left open the compositor chooses.
#[derive(Clone, Debug)]
#[must_use = "call build()"]
pub struct SurfaceBuilder {
    pub(super) display: Arc<Display>,
    pub(super) title: String,
    pub(super) app_id: String,
    pub(super) size: (u32, u32),
    pub(super) is_fullscreen: bool,
    pub(super) monitor: Option<String>,
}

impl SurfaceBuilder {
    pub(super) fn new(display: &Arc<Display>) -> SurfaceBuilder {
        SurfaceBuilder {
            display: Arc::clone(display),
            title: String::new(),
            app_id: String::new(),
            size: (640, 480),
            is_fullscreen: false,
            monitor: None,
        }
    }

    /// What the window is called.
    pub fn title(mut self, title: &str) -> SurfaceBuilder {
        title.clone_into(&mut self.title);
        self
    }

    /// The name of the application's desktop file, without `.desktop`.
    pub fn app_id(mut self, app_id: &str) -> SurfaceBuilder {
        app_id.clone_into(&mut self.app_id);
        self
    }

    /// Width and height in pixels, unless the compositor wants another size; else 640x480.
    pub fn size(mut self, width: u32, height: u32) -> SurfaceBuilder {
        self.size = (width.max(1), height.max(1));
        self
    }

    /// Whether the window covers the whole output.
    pub fn fullscreen(mut self, is_fullscreen: bool) -> SurfaceBuilder {
        self.is_fullscreen = is_fullscreen;
        self
    }

    /// The output to be fullscreen on, by [its name](crate::Monitor::name).
    pub fn fullscreen_on(mut self, monitor: &str) -> SurfaceBuilder {
        self.monitor = Some(monitor.to_owned());
        self.fullscreen(true)
    }

    /// Makes the window and waits until the compositor has said how large it is. It appears with the first frame.
    ///
    /// # Errors
    ///
    /// The compositor makes no windows, does not know the output, or does not answer.
    pub fn build(self) -> Result<Surface, SurfaceError> {
        let link = self.display.link();
        let Some(shell) = &link.globals.shell else {
            return Err(SurfaceError::NoWindows {
                display: link.name.clone(),
            });
        };
        let output = self.output()?;
        let core = self.core();
        let decorations = WindowDecorations::ServerDefault;
        let window = shell.create_window(core.area.surface.clone(), decorations, &link.handle);
        window.set_title(self.title.as_str());
        window.set_app_id(self.app_id.as_str());
        if self.is_fullscreen {
            window.set_fullscreen(output.as_ref());
        }
        *lock(&core.role) = Some(Role::Window(window));
        let surface = self.surface(core)?;
        let core = &surface.core;
        core.area.surface.commit();
        link.flush();
        if core.wait(CONFIGURE, |state| state.is_configured) {
            return Ok(surface);
        }
        Err(match link.lost() {
            Some(error) => SurfaceError::Lost(error),
            None => SurfaceError::Unconfigured {
                display: link.name.clone(),
                seconds: CONFIGURE.as_secs(),
            },
        })
    }

    /// Makes a surface inside the application's surface `parent`, at `geometry` in its pixels, instead of a window.
    ///
    /// It appears with the first frame. Input goes to the application.
    ///
    /// `parent` is committed once: a surface inside another one takes its place with a commit of that one
    /// (`wl_subsurface`), and an application that has nothing new to draw would make none. Everything later waits for the
    /// application's own commits.
    ///
    /// # Errors
    ///
    /// `parent` is no surface.
    ///
    /// # Safety
    ///
    /// `parent` is a `wl_surface*` of the connection that the display was [made of](Display::from_foreign), and lives as
    /// long as the surface made here.
    #[cfg(feature = "foreign")]
    #[expect(unsafe_code, reason = "the caller answers for a pointer of C")]
    pub unsafe fn build_in(
        self,
        parent: *mut std::ffi::c_void,
        geometry: Rect,
    ) -> Result<Surface, SurfaceError> {
        let builder = self.size(geometry.width, geometry.height);
        let link = builder.display.link();
        // SAFETY: the caller promises that it is a surface of this connection, and lives long enough.
        let parent = unsafe { crate::ffi::surface(&link.connection, parent) };
        let parent = parent.ok_or_else(|| SurfaceError::NotASurface {
            display: link.name.clone(),
        })?;
        let core = builder.core();
        let subcompositor = &link.globals.subcompositor;
        let place =
            subcompositor.get_subsurface(&core.area.surface, &parent, &link.handle, Ignored);
        place.set_position(geometry.x.cast_signed(), geometry.y.cast_signed());
        place.set_desync();
        core.ignore_input(&core.area.surface);
        *lock(&core.role) = Some(Role::Embedded(place));
        let surface = builder.surface(core)?;
        surface.core.configured(None, None);
        parent.commit();
        link.flush();
        Ok(surface)
    }

    /// The output to be fullscreen on.
    fn output(&self) -> Result<Option<WlOutput>, SurfaceError> {
        let Some(name) = &self.monitor else {
            return Ok(None);
        };
        let link = self.display.link();
        let output = link.with_client(|client| client.outputs.named(name));
        output.map(Some).ok_or_else(|| {
            let known = self
                .display
                .monitors()
                .into_iter()
                .map(|monitor| monitor.name);
            SurfaceError::NoOutput {
                display: link.name.clone(),
                name: name.clone(),
                known: known.collect::<Vec<_>>().join(", "),
            }
        })
    }

    /// The objects that every surface has.
    fn core(&self) -> Arc<Core> {
        let link = self.display.link();
        let canvas = || {
            let surface = link
                .globals
                .compositor
                .create_surface(&link.handle, Ignored);
            let viewporter = link.globals.viewporter.as_ref();
            Canvas {
                viewport: viewporter
                    .map(|viewporter| viewporter.get_viewport(&surface, &link.handle, Ignored)),
                surface,
            }
        };
        let (area, video) = (canvas(), canvas());
        let subcompositor = &link.globals.subcompositor;
        let place =
            subcompositor.get_subsurface(&video.surface, &area.surface, &link.handle, Ignored);
        place.set_desync();
        let core = Core::new(link, area, video, place, self.size);
        core.ignore_input(&core.video.surface);
        if let Some(dmabuf) = link.globals.feedback_source() {
            let data = FeedbackData::of_surface(Arc::downgrade(&core));
            let feedback = dmabuf.get_surface_feedback(&core.video.surface, &link.handle, data);
            *lock(&core.feedback) = Some(feedback);
        }
        core
    }

    /// Lets the surface hear its events.
    fn surface(&self, core: Arc<Core>) -> Result<Surface, SurfaceError> {
        self.display.link().add_surface(&core);
        let surface = Surface {
            core,
            copies: Copies::default(),
            display: Arc::clone(&self.display),
        };
        if let Some(error) = self.display.lost() {
            return Err(SurfaceError::Lost(error));
        }
        surface.core.check_backdrop()?;
        Ok(surface)
    }
}
