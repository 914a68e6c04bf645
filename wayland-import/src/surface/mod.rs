//! A surface: frames in, releases out.

mod backdrop;
mod builder;
mod color;
mod commit;
mod copy;
mod core;
mod error;
mod event;
mod events;
mod geometry;
mod line;
mod picture;
mod stats;
mod view;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use dmabuf_heap::{FormatSet, Frame, FrameLayout, Orientation, Placement, Rect};

pub use builder::SurfaceBuilder;
pub(crate) use core::Core;
pub use error::{PlacementError, ShowError, SurfaceError};
pub use event::{Input, ShownFlags, SurfaceEvent, Unshown};
pub use stats::{CopyCost, SurfaceStats};

use crate::buffer::Buffer;
use crate::contain::Keep;
use crate::display::Display;
use copy::Copies;
use core::{Role, lock};
use picture::Picture;
use view::View;

/// How long the last frames may take when a surface is dropped.
const LAST_RELEASE: Duration = Duration::from_secs(1);

/// A window with a picture in it, or a part of an application's surface.
///
/// [`show`](Surface::show) never blocks. A frame is sent when the compositor has asked for one; until then the newest waits
/// and older ones are given back. At most three frames are held: one on screen, one on its way, one waiting.
///
/// What the picture does not cover is black.
///
/// ```no_run
/// use dmabuf_heap::{Fourcc, LayoutRequest, Registry};
/// use wayland_import::{Display, Placement, Rect, Surface};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let display = Display::connect(None)?;
/// let surface = Surface::builder(&display).title("A frame").size(640, 480).build()?;
/// let request = LayoutRequest::new(Fourcc::XRGB8888, 640, 480);
/// let (_heap, frame, _why) = Registry::discover().first_working(&request)?;
/// let placement = Placement::fitted(Rect::new(0, 0, 640, 480), (1, 1), surface.area());
/// surface.show(&frame, &placement, Box::new(frame.clone()))?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Surface {
    core: Arc<Core>,
    copies: Copies,
    display: Arc<Display>,
}

impl Surface {
    /// A window on `display`, with everything else open.
    pub fn builder(display: &Arc<Display>) -> SurfaceBuilder {
        SurfaceBuilder::new(display)
    }

    /// The connection.
    pub fn display(&self) -> &Arc<Display> {
        &self.display
    }

    /// What can be imported for this surface: its own feedback, else that of the [display](Display::formats).
    pub fn formats(&self) -> FormatSet {
        self.core.formats()
    }

    /// Where frames can be placed: the whole of the window or of the rectangle, its left top corner at 0, 0, in the
    /// compositor's logical pixels.
    pub fn area(&self) -> Rect {
        let (width, height) = self.core.size();
        Rect::new(0, 0, width, height)
    }

    /// Moves a surface inside an application's surface to another rectangle there. It takes effect with the
    /// application's next commit; place what is shown anew, by [`rearrange`](Surface::rearrange). Of a window the
    /// compositor decides: false.
    pub fn set_geometry(&self, geometry: Rect) -> bool {
        let Some(Role::Embedded(place)) = &*lock(&self.core.role) else {
            return false;
        };
        place.set_position(geometry.x.cast_signed(), geometry.y.cast_signed());
        let mut state = self.core.lock();
        let size = (geometry.width.max(1), geometry.height.max(1));
        self.core.resized(&mut state, size);
        if state.backdrop.is_some() {
            self.core.dress(&mut state);
            self.core.area.surface.commit();
        }
        drop(state);
        self.send();
        true
    }

    /// Names the window.
    pub fn set_title(&self, title: &str) {
        if let Some(Role::Window(window)) = &*lock(&self.core.role) {
            window.set_title(title);
        }
        self.send();
    }

    /// Lets the window cover an output, or no longer. [`SurfaceEvent::Resized`] tells when it does.
    pub fn set_fullscreen(&self, is_fullscreen: bool) {
        if let Some(Role::Window(window)) = &*lock(&self.core.role) {
            if is_fullscreen {
                window.set_fullscreen(None);
            } else {
                window.unset_fullscreen();
            }
        }
        self.send();
    }

    /// Imports a frame, waiting for the compositor's answer, and checks that it could be placed so. Nothing changes on
    /// screen, and the import is kept for [`show`](Surface::show).
    ///
    /// # Errors
    ///
    /// As of [`show`](Surface::show), and [`ImportError::Silent`](crate::ImportError::Silent) if the compositor does not
    /// answer.
    pub fn test(&self, frame: &Frame, placement: &Placement) -> Result<(), ShowError> {
        self.view(frame.layout(), placement)?;
        if let Some(error) = self.display.lost() {
            return Err(ShowError::Lost(error));
        }
        let formats = || self.core.formats();
        let imported =
            crate::importer::import(&self.display, frame, formats, crate::importer::ANSWER);
        imported.map(drop).map_err(ShowError::Import)
    }

    /// Shows a frame as soon as the compositor is ready for it, in place of older ones that still wait. Returns at once,
    /// with a number by which events name the frame.
    ///
    /// `keep` is whatever must live as long as the compositor may read the frame; it is dropped when the compositor has
    /// released it, or when the frame is not taken or a newer one replaces it: on the event thread, or in a later call of
    /// this function. A panic in its drop is logged and goes no further.
    ///
    /// The first frame of a kind (layout and exporter of its memory) is imported with the compositor's answer awaited in
    /// the background; a refusal comes as [`SurfaceEvent::Refused`]. After that frames of the kind are imported on trust.
    ///
    /// # Errors
    ///
    /// [`ShowError::Flushing`] while flushing; the frame is known to be refused or cannot be placed so; or the connection
    /// has ended.
    pub fn show(
        &self,
        frame: &Frame,
        placement: &Placement,
        keep: Box<dyn Any + Send>,
    ) -> Result<u64, ShowError> {
        let link = self.display.link();
        link.catch_up();
        let view = self.view(frame.layout(), placement)?;
        let number = self.import(frame).and_then(|buffer| {
            let picture = Picture::Imported(buffer);
            self.core.submit(picture, view, Keep::new(keep))
        });
        self.send();
        number
    }

    /// Places what is shown, and what waits, anew; for a [resize](SurfaceEvent::Resized) while no frames come.
    ///
    /// # Errors
    ///
    /// The placement does not fit, or the connection has ended.
    pub fn rearrange(&self, placement: &Placement) -> Result<(), ShowError> {
        let frame = {
            let state = self.core.lock();
            let waiting = state.line.waiting().map(|shot| shot.view);
            match waiting.or(state.sent) {
                Some(view) => view.frame,
                None => return Ok(()),
            }
        };
        let geometry = self.core.geometry(frame, placement)?;
        let mut state = self.core.lock();
        if let Some(waiting) = state.line.waiting_mut() {
            waiting.view.geometry = geometry;
        }
        if let Some(sent) = state.sent.filter(|sent| sent.frame == frame) {
            self.core.arrange(&mut state, View { geometry, ..sent });
        }
        drop(state);
        self.send();
        Ok(())
    }

    /// Turns or mirrors frames that are [shown](Surface::show) or [placed](Surface::rearrange) from now on; no pixel is
    /// copied for it (`wl_surface.set_buffer_transform`). Sources of placements stay in pixels of the frame as it lies in
    /// memory, see [`Orientation::fitted`]. A picture that the compositor has given back already, as it does with copies,
    /// stays as it is until the next one.
    pub fn set_orientation(&self, orientation: Orientation) {
        self.core.lock().orientation = orientation;
    }

    /// While true, [`show`](Surface::show) takes no frame; one that waits is given back. What is on screen stays.
    pub fn set_flushing(&self, is_flushing: bool) {
        self.core.set_flushing(is_flushing);
        self.display.link().outbox.deliver();
    }

    /// Waits until no frame waits and all but the one on screen are given back; false if that takes longer than
    /// `timeout`, as while the window is hidden.
    pub fn wait_idle(&self, timeout: Duration) -> bool {
        self.core.wait(timeout, |state| state.line.is_idle())
    }

    /// Takes the picture off the screen, leaving black, and waits at most `timeout` for the compositor to give back every
    /// frame; false if it does not.
    pub fn blank(&self, timeout: Duration) -> bool {
        self.core.blank();
        self.send();
        self.core.wait(timeout, |state| state.line.is_empty())
    }

    /// Sends events to `listener` from now on, in place of an earlier one. It is called without any lock, in order,
    /// mostly on the display's event thread: it should not block. A panic in it is logged and goes no further.
    pub fn on_event(&self, listener: Box<dyn Fn(SurfaceEvent) + Send + Sync>) {
        self.core.set_listener(listener.into());
    }

    /// What happened so far.
    pub fn stats(&self) -> SurfaceStats {
        self.core.stats()
    }

    /// Imports a frame; its answer may be due.
    fn import(&self, frame: &Frame) -> Result<Arc<Buffer>, ShowError> {
        let formats = || self.core.formats();
        let buffer = self.display.link().buffers.import(frame, formats);
        buffer.map_err(ShowError::Import)
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// How a picture of this layout is shown.
    fn view(&self, layout: &FrameLayout, placement: &Placement) -> Result<View, ShowError> {
        let geometry = self
            .core
            .geometry((layout.width(), layout.height()), placement)?;
        Ok(View::new(layout, geometry, placement.color))
    }

    /// Sends what was said, has the event thread look after what is awaited, and tells what there is to tell.
    fn send(&self) {
        let link = self.display.link();
        link.flush();
        if link.buffers.is_waiting() || self.core.is_waiting() {
            link.rouse();
        }
        link.outbox.deliver();
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        self.core.set_flushing(true);
        self.core.close();
        let is_released = self.core.wait(LAST_RELEASE, |state| state.line.is_empty());
        if !is_released && self.display.lost().is_none() {
            tracing::warn!(
                display = self.display.name(),
                "the compositor did not give back the last frames"
            );
        }
        self.core.clear();
        self.display.link().outbox.deliver();
    }
}
