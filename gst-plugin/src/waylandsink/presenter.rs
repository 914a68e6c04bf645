//! The surface as what the sink draws on.

use std::any::Any;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use dmabuf_heap::{Frame, FrameLayout, Importer, Orientation, Placement, Rect};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use wayland_import::{ImportError, ShowError, Surface, SurfaceImporter};

use super::WaylandSink;
use super::compositor::Compositor;
use super::events::{told, translate};
use super::imp::CAT;
use super::window;
use crate::caps::VideoCaps;
use crate::report::chain;
use crate::sink::{self, Event, OwnCopy, Pixels, Presenter, Ticket};
use crate::sync::lock;

/// How long the compositor may take to give back what it no longer shows.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(1);

type Listener = Arc<dyn Fn(Event) + Send + Sync>;

/// A Wayland surface, made when the first caps are known.
pub(crate) struct WaylandPresenter {
    compositor: Compositor,
    element: glib::WeakRef<WaylandSink>,
    importer: Arc<dyn Importer>,
    surface: OnceLock<Surface>,
    /// Where the picture goes in the application's surface if that says nothing else; none in a window of our own. Set
    /// before the surface is.
    natural: OnceLock<Rect>,
    listener: Mutex<Option<Listener>>,
    is_flushing: AtomicBool,
    /// The kind of frames that the compositor has answered for, since the caps came.
    answered: Mutex<Option<FrameLayout>>,
    /// Where the application wants the picture.
    rectangle: Mutex<Option<Rect>>,
    /// What becomes of the colours.
    color: Mutex<String>,
}

impl WaylandPresenter {
    pub(super) fn new(element: &WaylandSink, compositor: &Compositor) -> Self {
        Self {
            importer: Arc::new(SurfaceImporter::new(&compositor.display)),
            compositor: compositor.clone(),
            element: element.downgrade(),
            surface: OnceLock::new(),
            natural: OnceLock::new(),
            listener: Mutex::default(),
            is_flushing: AtomicBool::default(),
            answered: Mutex::default(),
            rectangle: Mutex::default(),
            color: Mutex::default(),
        }
    }

    /// Lets the window cover its output, or no longer.
    pub(super) fn set_fullscreen(&self, is_fullscreen: bool) {
        if let Some(surface) = self.surface.get() {
            surface.set_fullscreen(is_fullscreen);
        }
    }

    /// Whether frames have a surface to go to.
    pub(super) fn has_surface(&self) -> bool {
        self.surface.get().is_some()
    }

    /// Where the surface belongs in the application's; `None` in a window of our own.
    fn geometry(&self) -> Option<Rect> {
        let natural = self.natural.get().copied()?;
        Some(lock(&self.rectangle).unwrap_or(natural))
    }

    /// Moves the surface to where the application wants it.
    fn follow(&self) {
        if let (Some(surface), Some(geometry)) = (self.surface.get(), self.geometry()) {
            surface.set_geometry(geometry);
        }
    }

    fn surface(&self) -> Result<&Surface, sink::ShowError> {
        let missing = || sink::ShowError::Failed("there is no window yet".to_owned());
        self.surface.get().ok_or_else(missing)
    }

    fn open_surface(&self, video: &VideoCaps) -> Result<Surface, gst::ErrorMessage> {
        let element = self.element.upgrade();
        let element = element.ok_or_else(|| {
            gst::error_msg!(
                gst::CoreError::StateChange,
                ("the sink is being disposed of")
            )
        })?;
        let imp = element.imp();
        let surface = window::open(
            &element,
            &self.compositor,
            (&imp.settings(), imp.orientation()),
            || imp.window(),
            |natural| {
                // Set once: a sink has one surface between two changes to READY.
                let _only_one = self.natural.set(natural);
                self.geometry().unwrap_or(natural)
            },
            video.info(),
        )?;
        let listener = lock(&self.listener).clone();
        if let Some(listener) = listener {
            surface.on_event(Box::new(move |event| {
                if let Some(event) = translate(event) {
                    listener(event);
                }
            }));
        }
        surface.set_flushing(self.is_flushing.load(Ordering::SeqCst));
        Ok(surface)
    }

    /// Waits for the compositor's answer to the first frame of a kind: a refused one can still be copied then.
    fn await_answer(
        &self,
        surface: &Surface,
        frame: &Frame,
        placement: &Placement,
    ) -> Result<(), ShowError> {
        let layout = *frame.layout();
        if *lock(&self.answered) == Some(layout) {
            return Ok(());
        }
        match surface.test(frame, placement) {
            // A busy compositor has refused nothing.
            Err(ShowError::Import(error)) if matches!(*error, ImportError::Silent { .. }) => {
                gst::info!(CAT, "{error}");
            }
            tested => tested?,
        }
        *lock(&self.answered) = Some(layout);
        Ok(())
    }
}

impl Presenter for WaylandPresenter {
    type Display = Compositor;

    /// One on screen, one on its way there, one that waits.
    const HELD_FRAMES: u32 = 3;

    fn category() -> gst::DebugCategory {
        *CAT
    }

    fn on_event(&self, listener: Box<dyn Fn(Event) + Send + Sync>) {
        let listener: Listener = listener.into();
        let lost = Arc::downgrade(&listener);
        *lock(&self.listener) = Some(listener);
        self.compositor.display.on_lost(Box::new(move |error| {
            if let Some(listener) = lost.upgrade() {
                listener(Event::Lost(chain(&*error)));
            }
        }));
    }

    fn importer(&self) -> Arc<dyn Importer> {
        Arc::clone(&self.importer)
    }

    fn configure(&self, video: &VideoCaps) -> Result<(), gst::ErrorMessage> {
        lock(&self.answered).take();
        *lock(&self.color) = self.compositor.color_story(video.info());
        if self.surface.get().is_none() {
            let surface = self.open_surface(video)?;
            gst::debug!(CAT, "a surface of {}", surface.area());
            // Caps come from one thread at a time.
            let _only_one = self.surface.set(surface);
            // The application may have moved it meanwhile.
            self.follow();
        }
        Ok(())
    }

    fn area(&self) -> Rect {
        self.surface.get().map_or(Rect::default(), Surface::area)
    }

    fn test(&self, _frame: Option<&Frame>, _placement: &Placement) -> bool {
        self.compositor.display.offers().has_viewporter
    }

    fn show(
        &self,
        frame: &Frame,
        placement: &Placement,
        keep: Box<dyn Any + Send>,
    ) -> Result<Ticket, sink::ShowError> {
        let surface = self.surface()?;
        self.await_answer(surface, frame, placement)
            .and_then(|()| surface.show(frame, placement, keep))
            .map(Some)
            .map_err(told)
    }

    fn imports_nothing(&self) -> Option<String> {
        let display = &self.compositor.display;
        let offers = display.offers();
        offers.dmabuf_version.is_none().then(|| {
            let error = ImportError::NoDmabuf {
                display: display.name().to_owned(),
                announced: offers.dmabuf_announced,
            };
            chain(&error)
        })
    }

    fn copies(&self, video: &VideoCaps) -> bool {
        self.compositor.takes_copies(video.format())
    }

    fn show_copy(
        &self,
        pixels: Pixels<'_>,
        placement: &Placement,
    ) -> Option<Result<OwnCopy, sink::ShowError>> {
        let copied = self.surface().and_then(|surface| {
            let copied = match pixels {
                Pixels::Frame(frame) => surface.show_copy(frame, placement),
                Pixels::Rows(layout, fill) => surface.show_rows(layout, placement, fill),
            };
            copied.map_err(told)
        });
        Some(copied.map(|cost| OwnCopy {
            ticket: Some(cost.frame),
            bytes: cost.bytes,
            sync_ioctls: cost.sync_ioctls,
        }))
    }

    fn rearrange(&self, placement: &Placement) -> Option<Result<(), sink::ShowError>> {
        let surface = self.surface();
        Some(surface.and_then(|surface| surface.rearrange(placement).map_err(told)))
    }

    fn take_rectangle(&self, rectangle: Option<Rect>) {
        *lock(&self.rectangle) = rectangle;
        self.follow();
    }

    fn turn(&self, orientation: Orientation) {
        if let Some(surface) = self.surface.get() {
            surface.set_orientation(orientation);
        }
    }

    fn is_the_rectangle(&self) -> bool {
        self.natural.get().is_some()
    }

    fn set_flushing(&self, is_flushing: bool) {
        self.is_flushing.store(is_flushing, Ordering::SeqCst);
        if let Some(surface) = self.surface.get() {
            surface.set_flushing(is_flushing);
        }
    }

    fn wait_idle(&self, timeout: Duration) -> bool {
        let surface = self.surface.get();
        surface.is_none_or(|surface| surface.wait_idle(timeout))
    }

    fn blank(&self) -> Result<(), String> {
        let surface = self.surface.get();
        if surface.is_none_or(|surface| surface.blank(RELEASE_TIMEOUT)) {
            return Ok(());
        }
        let name = self.compositor.display.name();
        Err(format!(
            "{name} did not give it back within {RELEASE_TIMEOUT:?}"
        ))
    }

    fn describe(&self, fields: &mut gst::Structure) {
        let Some(surface) = self.surface.get() else {
            return;
        };
        let (stats, area) = (surface.stats(), surface.area());
        fields.set("mode", format!("{}x{}", area.width, area.height));
        fields.set("color", lock(&self.color).clone());
        fields.set("shm-copies", stats.copies);
        fields.set("commits", stats.commits);
        fields.set("superseded", stats.superseded);
        fields.set("discarded", stats.discarded);
        fields.set("released", stats.released);
        fields.set("held", stats.held);
        fields.set("held-peak", stats.held_peak);
    }
}

impl fmt::Debug for WaylandPresenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaylandPresenter")
            .field("surface", &self.surface)
            .finish_non_exhaustive()
    }
}
